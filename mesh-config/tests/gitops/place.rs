//! A remote repository with the example in it, somebody who works on it, and keys that sign.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

pub(crate) const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/gitops");

pub(crate) struct Place {
    root: TempDir,
}

/// What came of a command, or of a workflow.
pub(crate) struct Ran {
    /// How it ended; 0 where it works.
    pub(crate) code: i32,
    pub(crate) said: String,
}

// === impl Place ===

impl Place {
    /// The example as the branch `main`, and the branch `deploy` with nothing in it.
    pub(crate) fn new() -> Self {
        let place = Self {
            root: tempfile::tempdir().unwrap(),
        };
        let root = place.root.path();
        for folder in ["home", "bin"] {
            fs::create_dir(root.join(folder)).unwrap();
        }
        place.program("gh", GH);
        place.program("gpg", GPG);
        copy(Path::new(EXAMPLE), &place.work());
        place.ok(
            root,
            "sallyport cred signer --name release --out keys --key ecdsa-p256",
        );
        place.ok(
            root,
            "cp keys/signing-authority.json work/trust/release.json",
        );
        place.ok(root, "git init --quiet --bare --initial-branch main origin");
        place.ok(
            &place.work(),
            "git init --quiet --initial-branch main && git remote add origin $PLACE/origin && \
             git add --all && git commit --quiet -m example && git push --quiet origin main && \
             make init",
        );
        place
    }

    /// The same after the first release.
    pub(crate) fn released() -> Self {
        let place = Self::new();
        place.release().is_fine();
        place
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// Where somebody works on the policy.
    pub(crate) fn work(&self) -> PathBuf {
        self.root().join("work")
    }

    /// The branch `deploy` beside that work, as it is now.
    pub(crate) fn bring_deploy(&self) {
        self.ok(
            &self.work(),
            "rm -rf deploy build && git clone --quiet --branch deploy $PLACE/origin deploy",
        );
    }

    /// Proposes a change to `main`; returns its commit.
    pub(crate) fn propose(&self, change: impl Fn(&Path)) -> String {
        let work = self.work();
        let begin =
            "git fetch --quiet origin && git checkout --quiet --force -B change origin/main";
        self.ok(&work, begin);
        self.amend(change)
    }

    /// Adds to a change that was proposed.
    pub(crate) fn amend(&self, change: impl Fn(&Path)) -> String {
        change(&self.work());
        self.ok(
            &self.work(),
            "git add --all && git commit --quiet -m change && \
             git push --quiet --force origin change && git rev-parse HEAD",
        )
    }

    /// Merges what was proposed last, and releases it.
    pub(crate) fn merge(&self) -> Ran {
        self.ok(&self.work(), "git push --quiet origin change:main");
        self.release()
    }

    /// Runs the workflow of `main`.
    pub(crate) fn release(&self) -> Ran {
        self.run_workflow("release.yaml", "main", &[])
    }

    /// Runs the workflow of a proposal.
    pub(crate) fn review(&self, commit: &str) -> Ran {
        self.run_workflow("pull-request.yaml", commit, &[])
    }

    /// A line for a shell, in a folder.
    pub(crate) fn shell(&self, folder: &Path, line: &str, variables: &[(String, String)]) -> Ran {
        let output = self.command(folder, line, variables).output().unwrap();
        let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
        Ran {
            code: output.status.code().unwrap(),
            said: said.concat(),
        }
    }

    /// A line that must work; returns what it printed.
    pub(crate) fn ok(&self, folder: &Path, line: &str) -> String {
        let output: Output = self.command(folder, line, &[]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {said}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// What git says of the remote repository.
    pub(crate) fn origin(&self, line: &str) -> String {
        self.ok(&self.root().join("origin"), &format!("git {line}"))
    }

    /// The command that signs, as a KMS would.
    pub(crate) fn signer(&self) -> String {
        let keys = self.root().join("keys");
        format!("sallyport cred sign --keys {}", keys.display())
    }

    fn command(&self, folder: &Path, line: &str, variables: &[(String, String)]) -> Command {
        let own = Path::new(env!("CARGO_BIN_EXE_sallyport")).parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        let bin = self.root().join("bin");
        let path = format!("{}:{}:{path}", bin.display(), own.display());
        let mut command = Command::new("bash");
        // Nothing of who runs the tests: neither git's settings, nor those of a `make` around them.
        command
            .args(["-euo", "pipefail", "-c", line])
            .current_dir(folder)
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.root().join("home"))
            .env("PLACE", self.root())
            .env("GIT_CONFIG_NOSYSTEM", "1");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "somebody");
            command.env(format!("GIT_{who}_EMAIL"), "somebody@example.com");
        }
        command.envs(variables.iter().cloned());
        command
    }

    fn program(&self, name: &str, text: &str) {
        let path = self.root().join("bin").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

// === impl Ran ===

impl Ran {
    pub(crate) fn is_fine(&self) {
        assert_eq!(self.code, 0, "{}", self.said);
    }

    pub(crate) fn is_stopped_by(&self, text: &str) {
        assert!(self.code != 0 && self.said.contains(text), "{}", self.said);
    }
}

/// Replaces a text in a file, which must be there.
pub(crate) fn edit(folder: &Path, file: &str, old: &str, new: &str) {
    let path = folder.join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(old), "{file}: {old}");
    fs::write(path, text.replace(old, new)).unwrap();
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        // What somebody made there by following the guide.
        if ["build", "deploy", ".tools"]
            .iter()
            .any(|made| name == *made)
        {
            continue;
        }
        let target = to.join(&name);
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Keeps the comment.
const GH: &str = "#!/bin/sh\nprintf '%s\\n' \"$*\" >\"$PLACE/gh\"\n\
    while [ $# -gt 1 ]; do shift; done\ncp \"$1\" \"$PLACE/comment\"\n";
/// Takes a key, and signs with a text that git takes for a signature.
const GPG: &str = "#!/bin/sh\ncat >\"$PLACE/gpg\"\n\
    case $* in *import*) exit ;; esac\necho '[GNUPG:] SIG_CREATED D 1 8 00 0 0' >&2\n\
    echo '-----BEGIN PGP SIGNATURE-----'\necho\necho bm9uZQ==\necho '-----END PGP SIGNATURE-----'\n";
