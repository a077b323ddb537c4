//! The answers of two policies to the same requests, as far as they differ.

use std::collections::{BTreeMap, BTreeSet};

use sallyport_engine::time::TimeMs;

use super::questions::{Asked, Level};
use super::{ChangedAnswer, Effect, Request, Said};
use crate::explain::explain;
use crate::finding::Finding;
use crate::policy_file::{LoadedPolicy, from_document};

/// Each change once, with the assurances of the caller with which it is so.
#[derive(Default)]
pub(super) struct Answers(BTreeMap<Key, BTreeSet<Level>>);

type Key = (Effect, Request, Said, Said);

impl Answers {
    /// Asks both policies as they are and, where an emergency would hide what it lets pass, without it.
    ///
    /// # Errors
    /// Where a policy without its emergency is none.
    pub(super) fn of(
        questions: &[Asked],
        [old, new]: [&LoadedPolicy; 2],
        now: TimeMs,
    ) -> Result<Vec<ChangedAnswer>, Vec<Finding>> {
        let mut answers = Self::default();
        answers.ask(questions, [old, new], now, false);
        let has_glass = |loaded: &LoadedPolicy| loaded.document.spec.break_glass.is_some();
        if has_glass(old) || has_glass(new) {
            let (old, new) = (without_glass(old)?, without_glass(new)?);
            answers.ask(questions, [&old, &new], now, true);
        }
        Ok(answers.changed())
    }

    fn ask(
        &mut self,
        questions: &[Asked],
        [old, new]: [&LoadedPolicy; 2],
        now: TimeMs,
        without_break_glass: bool,
    ) {
        for asked in questions {
            let Some(question) = asked.question(now) else {
                continue;
            };
            let (before, after) = (explain(old, &question), explain(new, &question));
            let said = (Said::of(&before), Said::of(&after));
            if said.0 == said.1 {
                continue;
            }
            let request = Request {
                without_break_glass,
                ..asked.request.clone()
            };
            let key = (Effect::of(&before, &after), request, said.0, said.1);
            self.0.entry(key).or_default().insert(asked.assurance);
        }
    }

    /// What is so at the time of the comparison is not said of later times again.
    fn changed(self) -> Vec<ChangedAnswer> {
        let is_new = |((effect, request, before, after), levels): &(&Key, &BTreeSet<Level>)| {
            let plain = Request {
                at: None,
                without_break_glass: false,
                ..request.clone()
            };
            let key = (*effect, plain, before.clone(), after.clone());
            key.1 == *request || !self.0.get(&key).is_some_and(|all| all.is_superset(levels))
        };
        let changed = self.0.iter().filter(is_new);
        let changed = changed.map(|((effect, request, before, after), levels)| ChangedAnswer {
            effect: *effect,
            request: request.clone(),
            assurances: levels.iter().map(|level| level.as_str()).collect(),
            before: before.clone(),
            after: after.clone(),
        });
        changed.collect()
    }
}

fn without_glass(loaded: &LoadedPolicy) -> Result<LoadedPolicy, Vec<Finding>> {
    let mut document = loaded.document.clone();
    document.spec.break_glass = None;
    from_document(document)
}
