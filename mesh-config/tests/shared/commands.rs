//! The commands of a document for people.

/// Each line of a block that calls the command, joined where it goes on, with the exit code that it
/// names.
pub(crate) fn commands(document: &str) -> Vec<(String, i32)> {
    let joined = document.replace("\\\n", " ");
    let lines = joined.lines().filter_map(|line| line.strip_prefix("    "));
    let own = lines.filter(|line| line.starts_with("sallyport "));
    own.map(|line| match line.split_once("  # exits with ") {
        Some((command, code)) => (command.to_owned(), code.trim().parse().unwrap()),
        None => (line.to_owned(), 0),
    })
    .collect()
}
