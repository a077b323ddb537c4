//! How much a peer asks for and moves, in windows of eight seconds.

use super::Moment;
use super::baseline::{Baseline, LEARNING_WINDOWS, Limits};

/// The window that is open, and the baselines from those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Load {
    window: u32,
    requests: u32,
    /// In units of 64 bytes, as is the next.
    request_size: u32,
    response_size: u32,
    usual_requests: Baseline,
    usual_request_size: Baseline,
    usual_response_size: Baseline,
    /// How many windows the baselines have learned from.
    windows: u8,
    hour: u8,
    /// Usual windows since the last one that was not.
    calm: u8,
    /// Which loads had an unusual window that is not over yet, and which were excused in this hour.
    bursts: Bursts,
}

/// For each of the three baselines, a bit that its burst is not over, and one that it was excused in
/// this hour; and one that more was asked in the window than the peer's share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Bursts(u8);

/// What a window had that is unusual: `1000 * ln(factor)` beyond the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Unusual {
    pub(super) requests: Option<u16>,
    pub(super) volume: Option<u16>,
}

/// What may be learned from a window that is not unusual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Learning {
    /// Nothing: the peer did what no honest one does.
    Nothing,
    /// That bursts are over.
    EndsOfBursts,
    /// That too, and what is usual.
    All,
}

impl Load {
    pub(super) const fn arrive(&mut self) {
        self.requests = self.requests.saturating_add(1);
    }

    pub(super) fn move_bytes(&mut self, request: u64, response: u64) {
        let units = |bytes: u64| u32::try_from(bytes.div_ceil(64)).unwrap_or(u32::MAX);
        self.request_size = self.request_size.saturating_add(units(request));
        self.response_size = self.response_size.saturating_add(units(response));
    }

    /// More was asked than was let through: whatever was, the window is not a usual one.
    pub(super) const fn press(&mut self) {
        self.bursts.0 |= Bursts::PRESSED;
    }

    /// Whether the open window is not that of `now`.
    pub(super) const fn is_over(&self, now: Moment) -> bool {
        now.0 >> WINDOW_BITS != self.window
    }

    /// Closes the window, opens that of `now`, and says what was unusual in it. If nothing was, the
    /// baselines learn from it. Windows in which nothing happened tell nothing: a peer
    /// that works now and then has the baseline of when it works.
    pub(super) fn turn_to(&mut self, now: Moment, learning: Learning) -> Unusual {
        let window = now.0 >> WINDOW_BITS;
        let unusual = self.close(learning);
        *self = Self {
            window,
            requests: 0,
            request_size: 0,
            response_size: 0,
            ..*self
        };
        let hour = u8::try_from((now.0.checked_div(3_600).unwrap_or(0)) & 0xff).unwrap_or(0);
        if hour != self.hour {
            self.hour = hour;
            self.bursts.turn_hour();
            self.usual_requests.turn_hour();
            self.usual_request_size.turn_hour();
            self.usual_response_size.turn_hour();
        }
        unusual
    }

    fn close(&mut self, learning: Learning) -> Unusual {
        let pressed = self.bursts.take_pressed();
        if pressed {
            self.calm = 0;
        }
        if self.requests == 0 && self.request_size == 0 && self.response_size == 0 {
            return Unusual::default();
        }
        let unusual = if self.windows < LEARNING_WINDOWS {
            Unusual::default()
        } else {
            let requests = self.usual_requests.excess(self.requests, &RATE);
            let sent = self.usual_request_size.excess(self.request_size, &VOLUME);
            let received = self.usual_response_size.excess(self.response_size, &VOLUME);
            self.bursts.begin([requests, sent, received]);
            Unusual {
                requests,
                volume: sent.max(received),
            }
        };
        if unusual != Unusual::default() {
            self.calm = 0;
        }
        if unusual != Unusual::default() || pressed {
            return unusual;
        }
        if learning != Learning::Nothing {
            self.calm = self.calm.saturating_add(1);
            if self.calm >= CALM_WINDOWS {
                self.excuse();
            }
        }
        if learning == Learning::All {
            let windows = self.windows;
            self.usual_requests.learn(self.requests, &RATE, windows);
            self.usual_request_size
                .learn(self.request_size, &VOLUME, windows);
            self.usual_response_size
                .learn(self.response_size, &VOLUME, windows);
            self.windows = windows.saturating_add(1);
        }
        unusual
    }

    /// The bursts are over.
    fn excuse(&mut self) {
        let [requests, sent, received] = self.bursts.end();
        if requests {
            self.usual_requests.excuse(&RATE);
        }
        if sent {
            self.usual_request_size.excuse(&VOLUME);
        }
        if received {
            self.usual_response_size.excuse(&VOLUME);
        }
    }
}

impl Bursts {
    fn begin(&mut self, excesses: [Option<u16>; 3]) {
        for (excess, open) in excesses.into_iter().zip(Self::OPEN) {
            if excess.is_some() {
                self.0 |= open;
            }
        }
    }

    /// Which of them to excuse: those that are over, once an hour.
    fn end(&mut self) -> [bool; 3] {
        let mut excused = [false; 3];
        for ((excused, open), done) in excused.iter_mut().zip(Self::OPEN).zip(Self::EXCUSED) {
            if self.0 & open != 0 {
                *excused = self.0 & done == 0;
                self.0 = (self.0 & !open) | done;
            }
        }
        excused
    }

    fn turn_hour(&mut self) {
        for done in Self::EXCUSED {
            self.0 &= !done;
        }
    }

    const fn take_pressed(&mut self) -> bool {
        let pressed = self.0 & Self::PRESSED != 0;
        self.0 &= !Self::PRESSED;
        pressed
    }

    const PRESSED: u8 = 64;
    const OPEN: [u8; 3] = [1, 2, 4];
    const EXCUSED: [u8; 3] = [8, 16, 32];
}

/// So many usual windows in a row are the end of a burst. One that goes on beyond the share of a
/// restricted peer does not end.
const CALM_WINDOWS: u8 = 8;
/// A window has `2^3` seconds.
const WINDOW_BITS: u32 = 3;
/// From 4.5 to 6.7 times the usual; one request in two seconds and less is the same.
const RATE: Limits = Limits {
    floor: 4,
    least: 1_500,
    most: 1_900,
};
/// From 5 to 13.5 times the usual; 2 KiB in a second and less is the same.
const VOLUME: Limits = Limits {
    floor: 256,
    least: 1_600,
    most: 2_600,
};
