//! What processes use, as Linux tells.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::BenchError;

/// The processor time of a process so far, in nanoseconds: the sum over its threads.
pub(crate) fn cpu_ns(id: u32) -> Result<u64, BenchError> {
    let folder = PathBuf::from(format!("/proc/{id}/task"));
    let mut sum = 0_u64;
    for task in fs::read_dir(&folder).map_err(BenchError::file(&folder))? {
        let path = task.map_err(BenchError::file(&folder))?.path();
        // Time on a processor, time waiting for one, turns.
        let text = read(&path.join("schedstat"))?;
        sum = sum.saturating_add(number(&path, text.split_whitespace().next())?);
    }
    Ok(sum)
}

/// The resident memory of a process, in KiB.
pub(crate) fn resident_kib(id: u32) -> Result<u64, BenchError> {
    let path = PathBuf::from(format!("/proc/{id}/status"));
    let text = read(&path)?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    number(&path, line.and_then(|line| line.split_whitespace().next()))
}

/// Binds all threads of a process to processors.
pub(crate) fn pin(id: u32, cpus: &str) -> Result<(), BenchError> {
    let output = Command::new("taskset")
        .args(["--all-tasks", "--cpu-list", "--pid", cpus, &id.to_string()])
        .output()
        .map_err(BenchError::file(Path::new("taskset")))?;
    if output.status.success() {
        Ok(())
    } else {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(BenchError::tool("taskset", text))
    }
}

fn read(path: &Path) -> Result<String, BenchError> {
    fs::read_to_string(path).map_err(BenchError::file(path))
}

fn number(path: &Path, text: Option<&str>) -> Result<u64, BenchError> {
    match text.map(str::parse) {
        Some(Ok(number)) => Ok(number),
        Some(Err(_)) | None => {
            let path = path.display().to_string();
            Err(BenchError::tool(&path, "there is no number in it"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_process_uses_processor_time() {
        let id = std::process::id();
        let before = cpu_ns(id).unwrap();
        let mut sum = 0_u64;
        let start = std::time::Instant::now();
        while start.elapsed().as_millis() < 50 {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let used = cpu_ns(id).unwrap().saturating_sub(before);
        assert!(used > 1_000_000, "{used}");
        assert!(resident_kib(id).unwrap() > 1_000);
    }
}
