//! What stands over all flows: an emergency, and what the whole mesh asks of credentials.

use std::collections::BTreeSet;

use sallyport_engine::policy::raw::{PostQuantumAuth, Spec};
use sallyport_engine::policy::{KeyExchangeRule, Mode};

use super::super::Effect;
use super::{Changes, json, name_of, rank};

impl Changes {
    /// While it lasts, nothing is refused: any one is widening but the one that goes.
    pub(super) fn break_glass(&mut self, old: &Spec, new: &Spec) {
        let effect = match (&old.break_glass, &new.break_glass) {
            (before, after) if before == after => return,
            (Some(_), None) => Effect::Narrowing,
            (_, _) => Effect::Widening,
        };
        let text = format!("{} -> {}", json(&old.break_glass), json(&new.break_glass));
        self.add(effect, "breakGlass", text);
    }

    /// It only ever refuses more; in shadow it refuses nothing.
    pub(super) fn post_quantum_auth(&mut self, old: &Spec, new: &Spec) {
        let (old, new) = (&old.post_quantum_auth, &new.post_quantum_auth);
        let (changes, auth) = match (old, new) {
            (None, None) => return,
            (Some(before), Some(after)) => {
                self.asked(before, after);
                return;
            }
            (None, Some(auth)) => (Effect::Narrowing, auth),
            (Some(auth), None) => (Effect::Widening, auth),
        };
        let effect = match auth.mode() {
            Mode::Enforce => changes,
            Mode::Shadow => Effect::ReasonOnly,
        };
        self.add(
            effect,
            POST_QUANTUM,
            format!("{} -> {}", json(old), json(new)),
        );
    }

    fn asked(&mut self, old: &PostQuantumAuth, new: &PostQuantumAuth) {
        self.mode(POST_QUANTUM, old.mode(), new.mode());
        let assurance = |auth: &PostQuantumAuth| rank(auth.minimum_assurance());
        let (before, after) = (assurance(old), assurance(new));
        self.floor_shown(POST_QUANTUM, "minimumAssurance", before, after, name_of);
        let (before, after) = (old.key_exchange(), new.key_exchange());
        if before != after {
            // Only this one refuses.
            let requires = |rule| rule == KeyExchangeRule::Required;
            let effect = match (requires(before), requires(after)) {
                (false, true) => Effect::Narrowing,
                (true, false) => Effect::Widening,
                (_, _) => Effect::ReasonOnly,
            };
            let text = format!("keyExchange: {} -> {}", json(&before), json(&after));
            self.add(effect, POST_QUANTUM, text);
        }
        let exempt = |auth: &PostQuantumAuth| -> BTreeSet<String> {
            auth.exempt_namespaces().map(str::to_owned).collect()
        };
        self.set(POST_QUANTUM, "exempt namespace", &exempt(old), &exempt(new));
    }
}

const POST_QUANTUM: &str = "postQuantumAuth";
