//! Random grants, and what a naive reader makes of them: a grant in force is a flow that asks for the
//! strictest of all, alone between its segments; one that is not changes a reason at most.

use proptest::prelude::*;
use sallyport_engine::policy::Mode;
use sallyport_engine::policy::raw::{self, RequiredAssurance};
use sallyport_engine::reason::DenyReason;
use sallyport_engine::verdict::Basis;

use crate::mesh::{self, Case, Mesh};
use crate::model::{self, Answer};

/// A grant of one segment, and its time in seconds from now.
#[derive(Debug, Clone)]
pub(crate) struct Granting {
    pub(crate) grant: raw::Grant,
    begins: i64,
    ends: i64,
}

/// Where its time is, as far as answers tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Time {
    InForce,
    JustEnded,
    SoonToCome,
    Far,
}

pub(crate) fn grants() -> impl Strategy<Value = Granting> {
    let times = prop_oneof![
        6 => (-3_600_i64..=0, 1_i64..3_600),
        1 => Just((0, 1)),
        1 => Just((-1, 0)),
        2 => (-7_200_i64..-3_600, -3_599_i64..=0),
        1 => Just((-7_200, -3_600)),
        2 => (1_i64..=3_600, 3_601_i64..7_200),
        1 => Just((3_601, 7_200)),
    ];
    (mesh::flows("granted"), times).prop_map(|(flow, (begins, ends))| {
        let grant = raw::Grant {
            name: flow.name,
            from: flow.from.into_iter().take(1).collect(),
            to: flow.to,
            not_before: time(begins),
            not_after: time(ends),
            reason: "a reason".into(),
            approved_by: "somebody".into(),
            operations: flow.operations,
        };
        Granting {
            grant,
            begins,
            ends,
        }
    })
}

/// Now is 8 o'clock.
fn time(seconds: i64) -> String {
    let of_day = 8 * 3_600 + seconds;
    let (hours, rest) = (of_day / 3_600, of_day % 3_600);
    format!("2027-01-15T{hours:02}:{:02}:{:02}Z", rest / 60, rest % 60)
}

/// The answer that is expected with the grant, and where its time is if that decides.
pub(crate) fn expected(
    mesh: &Mesh,
    granting: &Granting,
    case: &Case,
    without: Answer,
) -> (Option<Time>, Answer) {
    let as_flow = granting.as_flow(mesh);
    let mut alone = mesh.clone();
    alone
        .flows
        .retain(|flow| !(flow.to == as_flow.to && flow.from.contains(&granting.grant.from[0])));
    alone.flows.push(as_flow);
    let by_flow = !model::covering_flows(mesh, case).is_empty();
    let by_grant = model::covering_flows(&alone, case) == ["granted"];
    if by_flow || !by_grant {
        return (None, without);
    }
    let time = granting.time();
    let instead = |reason| {
        let asked = [DenyReason::FlowNotAllowed, DenyReason::OperationNotAllowed];
        let reason = without
            .reason
            .map(|was| if asked.contains(&was) { reason } else { was });
        Answer {
            reason,
            ..without.clone()
        }
    };
    let answer = match time {
        Time::InForce => {
            let answer = model::decide(&alone, case);
            let is_its_own = answer.flow.as_deref() == Some("granted");
            Answer {
                basis: answer.basis.map(|basis| match basis {
                    Basis::Flow if is_its_own => Basis::Grant,
                    Basis::Flow | Basis::Grant | Basis::Probe | Basis::Shadow => basis,
                }),
                flow: answer.flow.filter(|_| !is_its_own),
                ..answer
            }
        }
        Time::JustEnded => instead(DenyReason::GrantExpired),
        Time::SoonToCome => instead(DenyReason::GrantNotYetValid),
        Time::Far => without.clone(),
    };
    (Some(time), answer)
}

impl Granting {
    fn time(&self) -> Time {
        if self.begins <= 0 && 0 < self.ends {
            Time::InForce
        } else if self.ends <= 0 && -3_600 < self.ends {
            Time::JustEnded
        } else if 0 < self.begins && self.begins <= 3_600 {
            Time::SoonToCome
        } else {
            Time::Far
        }
    }

    /// The flow that says the same, and asks for the strictest of all.
    fn as_flow(&self, mesh: &Mesh) -> raw::Flow {
        let grant = &self.grant;
        let between = mesh.flows.iter();
        let between: Vec<&raw::Flow> = between
            .filter(|flow| flow.to == grant.to && flow.from.contains(&grant.from[0]))
            .collect();
        let enforces = |flow: &&raw::Flow| flow.mode.unwrap_or(mesh.mode) == Mode::Enforce;
        let assurances = between.iter().filter_map(|flow| flow.minimum_assurance);
        let trusts = between.iter().filter_map(|flow| flow.minimum_trust);
        raw::Flow {
            name: grant.name.clone(),
            from: grant.from.clone(),
            to: grant.to.clone(),
            mode: Some(if between.iter().any(enforces) {
                Mode::Enforce
            } else {
                mesh.mode
            }),
            minimum_assurance: assurances.chain([mesh.assurance]).max_by_key(rank),
            minimum_trust: trusts.chain(mesh.trust).max(),
            maximum_uncertainty: None,
            recheck_streams: None,
            requires: None,
            operations: grant.operations.clone(),
        }
    }
}

fn rank(assurance: &RequiredAssurance) -> u8 {
    match assurance {
        RequiredAssurance::Classical => 0,
        RequiredAssurance::Hybrid => 1,
        RequiredAssurance::HybridProven => 2,
    }
}

pub(crate) fn all_times() -> [Time; 4] {
    [Time::InForce, Time::JustEnded, Time::SoonToCome, Time::Far]
}
