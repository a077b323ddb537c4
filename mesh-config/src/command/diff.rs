//! `sallyport diff`: which requests would change their answer?

use sallyport_mesh_config::diff::{ChangedAnswer, Difference, Effect, Said, diff};
use sallyport_mesh_config::finding::Printable;

use super::failure::Failure;
use super::signing::{pretty, time};
use super::{counted, policy};
use crate::args::{ComparisonArgs, DiffArgs, FailOn, Output};
use crate::exit::Exit;
use crate::terminal::{self, Tone, toned};

pub(super) fn run(args: &DiffArgs, output: Output) -> Result<Exit, Failure> {
    let now = time(args.comparison.at.as_deref())?;
    let load = |path| policy::load(path, args.mesh.as_deref());
    let (old, new) = (load(&args.old)?, load(&args.new)?);
    let difference = diff(&old, &new, now, args.comparison.limit);
    answer(&difference, &args.comparison, output)
}

/// Says what differs, and whether a change is of the kind that fails.
pub(super) fn answer(
    difference: &Difference,
    args: &ComparisonArgs,
    output: Output,
) -> Result<Exit, Failure> {
    let text = match output {
        Output::Json => pretty(difference)?,
        Output::Text => text(difference, args.all),
    };
    terminal::line(text).map_err(Failure::Output)?;
    Ok(exit(difference, args.fail_on))
}

fn exit(difference: &Difference, fail_on: Option<FailOn>) -> Exit {
    let Some(fail_on) = fail_on else {
        return Exit::Ok;
    };
    let is_found = match fail_on {
        FailOn::Widening => difference.has(Effect::Widening),
        FailOn::Narrowing => difference.has(Effect::Narrowing),
        FailOn::Any => !difference.is_empty(),
    };
    // What was not asked may be of any kind.
    if is_found || difference.is_cut {
        Exit::Findings
    } else {
        Exit::Ok
    }
}

/// All changes in words, or some of each kind.
fn text(difference: &Difference, all: bool) -> String {
    let mut lines = Vec::new();
    for change in &difference.parts {
        let (part, text) = (Printable(&change.part), Printable(&change.change));
        lines.push(format!("{} {part}: {text}", word(change.effect)));
    }
    for effect in [Effect::Widening, Effect::Narrowing, Effect::ReasonOnly] {
        let answers = difference.answers.iter();
        let answers: Vec<&ChangedAnswer> =
            answers.filter(|answer| answer.effect == effect).collect();
        let shown = if all {
            answers.len()
        } else {
            answers.len().min(EXAMPLES)
        };
        lines.extend(answers.iter().take(shown).map(|answer| example(answer)));
        let left = answers.len().saturating_sub(shown);
        if left > 0 {
            lines.push(format!(
                "{} and {left} more; `--all` shows them",
                word(effect)
            ));
        }
    }
    let asked = difference.asked;
    let cut = if difference.is_cut {
        "; there were more to ask than `--limit` allows, and any of them could differ: raise it"
    } else {
        ""
    };
    let changed = difference.answers.len();
    lines.push(if difference.is_empty() {
        format!("no difference; {asked} requests were asked of both{cut}")
    } else {
        let parts = counted(difference.parts.len(), "part");
        let answers = counted(changed, "answer");
        format!("{parts} and {answers} differ; {asked} requests were asked of both{cut}")
    });
    lines.join("\n")
}

fn example(answer: &ChangedAnswer) -> String {
    let request = &answer.request;
    let assurances = if answer.assurances.len() == ASSURANCES {
        "any assurance".to_owned()
    } else {
        answer.assurances.join(", ")
    };
    let running = |kind: &str, digest: &Option<String>| match digest {
        Some(digest) => format!(", {kind} {digest}"),
        None => String::new(),
    };
    let later = request.at.as_ref().map(|at| format!(", from {at} on"));
    let glass = if request.without_break_glass {
        ", without breakGlass"
    } else {
        ""
    };
    let text = format!(
        "{} {} at {} from {} to {} ({}{}{}{}{glass}): {} -> {}",
        request.method,
        request.path,
        request.port,
        request.from,
        request.to,
        assurances,
        running("model", &request.model_digest),
        running("image", &request.image_digest),
        later.unwrap_or_default(),
        said(&answer.before),
        said(&answer.after),
    );
    format!("{} {}", word(answer.effect), Printable(&text))
}

fn said(answer: &Said) -> String {
    let reason = answer.reason.map(|reason| format!(" {reason}"));
    let flow = answer.flow.as_ref().map(|flow| format!(" by {flow}"));
    let grant = answer
        .grant
        .as_ref()
        .map(|grant| format!(" by grant {grant}"));
    format!(
        "{}{}{}{}",
        answer.verdict,
        reason.unwrap_or_default(),
        flow.unwrap_or_default(),
        grant.unwrap_or_default()
    )
}

fn word(effect: Effect) -> String {
    let tone = match effect {
        Effect::Widening => Tone::Bad,
        Effect::Narrowing => Tone::Warning,
        Effect::ReasonOnly => Tone::Good,
    };
    toned(tone, &format!("{}:", effect.as_str()))
}

/// So many there are.
const ASSURANCES: usize = 3;
/// Of each effect.
const EXAMPLES: usize = 20;
