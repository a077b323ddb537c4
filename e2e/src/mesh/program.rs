//! Programs that are run and waited for.

use std::io::Write;
use std::process::{Child, Command, Stdio};

use serde::de::DeserializeOwned;

use super::error::MeshError;

/// A program that is to be run: a command with a text for people.
#[derive(Debug)]
pub struct Program {
    command: Command,
    text: String,
    input: Option<String>,
}

impl Program {
    /// A program with its arguments.
    #[must_use]
    pub fn new<I, S>(program: &str, arguments: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: AsRef<str>,
    {
        let mut command = Command::new(program);
        let mut text = program.rsplit('/').next().unwrap_or(program).to_owned();
        for argument in arguments {
            command.arg(argument.as_ref());
            text.push(' ');
            text.push_str(argument.as_ref());
        }
        Self {
            command,
            text,
            input: None,
        }
    }

    /// `sallyport`, as it was built beside this program; the variable `SALLYPORT` names another one.
    #[must_use]
    pub fn sallyport<I, S>(arguments: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: AsRef<str>,
    {
        let beside = || match std::env::current_exe() {
            Ok(own) => own
                .with_file_name("sallyport")
                .to_string_lossy()
                .into_owned(),
            Err(_) => "sallyport".to_owned(),
        };
        Self::new(
            &std::env::var("SALLYPORT").unwrap_or_else(|_| beside()),
            arguments,
        )
    }

    /// The same with an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// The same with this text at its standard input.
    #[must_use]
    pub fn input(mut self, text: impl Into<String>) -> Self {
        self.input = Some(text.into());
        self
    }

    /// The same in a folder.
    #[must_use]
    pub fn folder(mut self, folder: &std::path::Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Starts it with pipes at standard input and output; what it says of errors goes to ours.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(mut self) -> Result<Child, MeshError> {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped());
        self.command.spawn().map_err(|cause| MeshError::Start {
            program: self.text,
            cause,
        })
    }

    /// Runs it, and returns what it prints.
    ///
    /// # Errors
    /// When it cannot be started, or fails.
    pub fn run(mut self) -> Result<String, MeshError> {
        let failed = |cause| MeshError::Start {
            program: self.text.clone(),
            cause,
        };
        let stdin = self
            .input
            .as_ref()
            .map_or_else(Stdio::null, |_| Stdio::piped());
        self.command.stdin(stdin);
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().map_err(failed)?;
        if let (Some(text), Some(mut stdin)) = (&self.input, child.stdin.take()) {
            // A program that does not want all of its input fails by itself, if it does.
            let _ = stdin.write_all(text.as_bytes());
        }
        let output = child.wait_with_output().map_err(failed)?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(stdout);
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        Err(MeshError::Failed {
            program: self.text,
            status: output.status,
            stderr: format!("{}{}", stderr.trim(), stdout.trim()),
        })
    }

    /// Runs it, and reads what it prints as JSON.
    ///
    /// # Errors
    /// When it fails, or prints something else.
    pub fn json<T: DeserializeOwned>(self) -> Result<T, MeshError> {
        let program = self.text.clone();
        let text = self.run()?;
        serde_json::from_str(&text).map_err(|cause| MeshError::Output {
            program,
            problem: cause.to_string(),
        })
    }
}
