//! `sallyport bundle rollback`: the signed statement that leads back.

use sallyport_credentials::signing::{Purpose, Subject};
use sallyport_mesh_config::bundle::{
    BundleHistory, Point, ROLLBACK_SUBJECT, RollbackDocument, open,
};
use sallyport_mesh_config::finding::{Code, Finding};
use sallyport_mesh_config::signing as files;

use super::{read, subject};
use crate::args::{BundleRollbackArgs, Output};
use crate::clock;
use crate::command::failure::Failure;
use crate::command::signing::{artifact_pins, pins, sign, signature_of, time};
use crate::command::writing;
use crate::exit::Exit;

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
    open(&bundle, &vetters, now).map_err(Failure::files)?;
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
