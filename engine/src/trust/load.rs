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
    windows: u16,
    hour: u16,
}

/// What a window had that is unusual: `1000 * ln(factor)` beyond the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Unusual {
    pub(super) requests: Option<u16>,
    pub(super) volume: Option<u16>,
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

    /// Whether the open window is not that of `now`.
    pub(super) const fn is_over(&self, now: Moment) -> bool {
        now.0 >> WINDOW_BITS != self.window
    }

    /// Closes the window, opens that of `now`, and says what was unusual in it. The baselines learn from
    /// it if nothing was and `may_learn`. Windows in which nothing happened tell nothing: a peer
    /// that works now and then has the baseline of when it works.
    pub(super) fn turn_to(&mut self, now: Moment, may_learn: bool) -> Unusual {
        let window = now.0 >> WINDOW_BITS;
        let unusual = self.close(may_learn);
        *self = Self {
            window,
            requests: 0,
            request_size: 0,
            response_size: 0,
            ..*self
        };
        let hour = u16::try_from((now.0.checked_div(3_600).unwrap_or(0)) & 0xffff).unwrap_or(0);
        if hour != self.hour {
            self.hour = hour;
            self.usual_requests.turn_hour();
            self.usual_request_size.turn_hour();
            self.usual_response_size.turn_hour();
        }
        unusual
    }

    fn close(&mut self, may_learn: bool) -> Unusual {
        if self.requests == 0 && self.request_size == 0 && self.response_size == 0 {
            return Unusual::default();
        }
        let unusual = if self.windows < LEARNING_WINDOWS {
            Unusual::default()
        } else {
            let sent = self.usual_request_size.excess(self.request_size, &VOLUME);
            let received = self.usual_response_size.excess(self.response_size, &VOLUME);
            Unusual {
                requests: self.usual_requests.excess(self.requests, &RATE),
                volume: sent.max(received),
            }
        };
        if may_learn && unusual == Unusual::default() {
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
}

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
