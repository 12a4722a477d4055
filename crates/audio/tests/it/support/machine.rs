//! How long this machine itself keeps a real-time thread waiting. A virtual machine whose processors are lent to others stands still now
//! and then; no program that runs on it can fill a buffer meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use thread_priority::{RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy};

/// Above everything else that asks for real time here.
pub(crate) const PRIORITY: u8 = 60;
const NAP: Duration = Duration::from_millis(1);

/// Takes a short nap again and again on every processor, before everything else, and keeps the longest one was late.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    worst_us: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Watch {
    /// Without the right to run in real time nothing is watched, and nothing found.
    pub(crate) fn start(in_real_time: bool) -> Self {
        let (stop, worst_us) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let allowed = sched_getaffinity(None).expect("a thread may ask where it runs");
        let cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        let watcher = |core| {
            let (stop, worst_us) = (Arc::clone(&stop), Arc::clone(&worst_us));
            std::thread::spawn(move || {
                settle_on(core);
                while !stop.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    std::thread::sleep(NAP);
                    let late = began.elapsed().saturating_sub(NAP);
                    worst_us.fetch_max(u64::try_from(late.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
                }
            })
        };
        let threads = if in_real_time { cores.map(watcher).collect() } else { Vec::new() };
        Watch { stop, worst_us, threads }
    }

    /// The longest a processor stood still.
    pub(crate) fn worst(mut self) -> Duration {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| thread.join().expect("it only naps"));
        Duration::from_micros(self.worst_us.load(Ordering::Relaxed))
    }
}

/// Keeps the present thread on one processor, before all others there.
fn settle_on(core: usize) {
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only).expect("a thread may stay where it is allowed to run");
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    let priority = ThreadPriorityValue::try_from(PRIORITY).expect("a priority");
    thread_priority::set_thread_priority_and_policy(thread_priority::thread_native_id(), ThreadPriority::Crossplatform(priority), policy)
        .expect("real time was allowed a moment ago");
}
