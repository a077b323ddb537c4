//! `sallyport bundle rollback`: the signed statement that leads back.

use sallyport_credentials::signing::{Purpose, Subject};
use sallyport_mesh_config::bundle::{
    BundleHistory, Point, ROLLBACK_SUBJECT, RollbackDocument, open, policy,
};
use sallyport_mesh_config::diff::{Change, Revived, revived};
use sallyport_mesh_config::finding::{Code, Finding};
use sallyport_mesh_config::signing as files;

use super::{read, subject};
use crate::args::{BundleRollbackArgs, Output};
use crate::clock;
use crate::command::failure::Failure;
use crate::command::signing::{artifact_pins, pins, sign, signature_of, time};
use crate::command::writing;
use crate::exit::Exit;
use crate::terminal::{complain, labelled};

pub(super) fn run(args: &BundleRollbackArgs, output: Output) -> Result<Exit, Failure> {
    let authorities = pins(&args.signed.pins)?;
    let now = time(args.signer.at.as_deref())?;
    let bundle = read(&args.bundle)?;
    let one = |finding: Finding| Failure::files(vec![finding]);
    let signature = signature_of(&args.bundle, args.signed.signature.as_ref());
    files::verify_file(&authorities, Purpose::Bundle, &signature, &subject(&bundle))
        .map_err(one)?;
    // What would be refused where the statement is used is better known before.
    let vetters = artifact_pins(&args.artifact_pins, &args.signed.pins.authorities)?;
    let earlier = open(&bundle, &vetters, now).map_err(Failure::files)?;
    let history = BundleHistory::read(&args.history).map_err(one)?;
    let refuse = |message: &str| {
        let code = Code::RollbackRefused;
        let finding = Finding::new(code, "", message);
        let file = args.bundle.display().to_string();
        one(finding
            .with_hint(
                "name a bundle that `sallyport bundle history` lists and that is not the last one",
            )
            .in_file(file, None))
    };
    let to = Point::of(&bundle);
    let from = history
        .current()
        .ok_or_else(|| refuse("nothing is in force here, so there is nothing to leave"))?;
    if from == to {
        return Err(refuse("is in force already"));
    }
    if !history.knows(&to) {
        return Err(refuse("was never in force here"));
    }
    if let Some(path) = &args.current {
        let current = read(path)?;
        if Point::of(&current) != from {
            let message = "is not the bundle that is in force";
            let finding = Finding::new(Code::RollbackRefused, "", message);
            return Err(one(finding.in_file(path.display().to_string(), None)));
        }
        let current = policy(&current).map_err(Failure::files)?;
        let revived = revived(&current.document, &earlier.policy.document, now);
        say(&revived, args.accept_losses)?;
    }
    let statement = RollbackDocument::new(from, to, &args.reason, &args.by, clock::show(now))
        .and_then(|document| document.text().map_err(|finding| vec![finding]))
        .map_err(Failure::files)?;
    writing::write(&args.out, statement.as_bytes(), args.force)?;
    let subjects = [Subject::of(ROLLBACK_SUBJECT, statement.as_bytes())];
    let signature = files::signature_path(&args.out);
    sign(
        &args.signer,
        Purpose::Rollback,
        &subjects,
        &signature,
        output,
    )
}

/// Says what comes back; what shut callers out is only lost where that is accepted.
fn say(revived: &Revived, accepts_losses: bool) -> Result<(), Failure> {
    let finding = |code: Code, change: &Change| {
        let message = change.change.clone();
        Finding::new(code, change.part.clone(), message).with_hint(code.row().remedy)
    };
    if !revived.lost.is_empty() && !accepts_losses {
        let lost = revived.lost.iter();
        let lost = lost.map(|change| finding(Code::RollbackLoses, change));
        return Err(Failure::files(lost.collect()));
    }
    for change in revived.lost.iter().chain(&revived.granted) {
        complain(labelled(&finding(Code::RollbackRevives, change)));
    }
    Ok(())
}
