//! Jobs on all cores; the results come in the order of the jobs.

use std::sync::Mutex;

/// Does each job; results in the order of the jobs.
pub(crate) fn map<J: Sync, R: Send>(jobs: &[J], work: impl Fn(&J) -> R + Sync) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let left = Mutex::new(jobs.iter().enumerate());
    let done = Mutex::new(Vec::new());
    let next = || {
        left.lock()
            .unwrap_or_else(|error| error.into_inner())
            .next()
    };
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some((number, job)) = next() {
                    let result = work(job);
                    let mut done = done.lock().unwrap_or_else(|error| error.into_inner());
                    done.push((number, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(|error| error.into_inner());
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}
