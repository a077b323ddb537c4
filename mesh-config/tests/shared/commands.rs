//! The commands of a document for people.

/// Each line of a block that begins with one of these words, joined where it goes on, with the exit
/// code that it names.
pub(crate) fn commands(document: &str, words: &[&str]) -> Vec<(String, i32)> {
    let joined = document.replace("\\\n", " ");
    let lines = joined.lines().filter(|line| line.starts_with("    "));
    let lines = lines.map(str::trim_start);
    let own = lines.filter(|line| words.iter().any(|word| line.starts_with(word)));
    own.map(|line| match line.split_once("  # exits with ") {
        Some((command, code)) => (command.to_owned(), code.trim().parse().unwrap()),
        None => (line.to_owned(), 0),
    })
    .collect()
}
