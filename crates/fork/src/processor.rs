// SPDX-License-Identifier: Apache-2.0
//! Processor time. Wall-clock time depends on the machine's load and speed. The processor time of a
//! thread, compared with a reference measured on the same processor, depends on neither.

use serde::{Deserialize, Serialize};
use std::{sync::OnceLock, time::Instant};

/// The blake2-256 throughput of the reference machine for weights in MiB/s: the hardware that
/// Polkadot requires of validators.
pub const REFERENCE: f64 = 1_000.0;
/// The plausible range of the speed. Beyond it, the measurement depends more on how the program was
/// compiled than on the processor.
const PLAUSIBLE: (f64, f64) = (0.25, 4.0);

/// A measured duration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct MeasuredTime {
    /// Wall-clock time in seconds.
    pub clock: f64,
    /// Processor time in seconds. `None` if the platform does not report it.
    pub processor: Option<f64>,
}

impl MeasuredTime {
    /// Returns the time of work that takes the reference machine this many seconds.
    pub fn from_reference(seconds: f64) -> Self {
        Self { clock: seconds, processor: Some(seconds / speed()) }
    }

    /// Returns the processor time on the reference machine in seconds.
    pub fn on_reference(self) -> Option<f64> {
        self.processor.map(|seconds| seconds * speed())
    }

    /// Returns the processor time on the reference machine in seconds, or the wall-clock time if
    /// the platform reports no processor time.
    pub fn seconds(self) -> f64 {
        self.on_reference().unwrap_or(self.clock)
    }
}

/// The threads whose processor time is measured.
#[derive(Clone, Copy)]
pub enum CpuScope {
    /// The current thread.
    Thread,
    /// All threads of the process together.
    Process,
}

/// Measures wall-clock time and processor time.
pub struct Stopwatch {
    scope: CpuScope,
    began: Instant,
    processor: Option<f64>,
}

impl Stopwatch {
    /// Starts measuring.
    pub fn start(scope: CpuScope) -> Self {
        Self { scope, began: Instant::now(), processor: seconds(scope) }
    }

    /// Returns the time since the start.
    pub fn stop(&self) -> MeasuredTime {
        let processor = self.processor.zip(seconds(self.scope)).map(|(before, after)| (after - before).max(0.0));
        MeasuredTime { clock: self.began.elapsed().as_secs_f64(), processor }
    }
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn seconds(scope: CpuScope) -> Option<f64> {
    use rustix::time::{ClockId, clock_gettime};
    let clock = match scope {
        CpuScope::Thread => ClockId::ThreadCPUTime,
        CpuScope::Process => ClockId::ProcessCPUTime,
    };
    let time = clock_gettime(clock);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn seconds(_: CpuScope) -> Option<f64> {
    None
}

/// Returns the speed of this machine's processor relative to the reference: twice as fast is 2. It
/// is measured once, on first use.
pub fn speed() -> f64 {
    static SPEED: OnceLock<f64> = OnceLock::new();
    *SPEED.get_or_init(|| {
        const PIECE: usize = 32 * 1024;
        const PIECES: u8 = 255;
        let mut piece = vec![0u8; PIECE];
        // The fastest of five runs: any disturbance makes a run slower.
        let fastest = (0..5)
            .map(|_| {
                let watch = Stopwatch::start(CpuScope::Thread);
                for number in 0..PIECES {
                    piece[0] ^= artifact::hashes::blake2_256(&piece)[0] ^ number;
                }
                let took = watch.stop();
                took.processor.unwrap_or(took.clock)
            })
            .fold(f64::INFINITY, f64::min);
        std::hint::black_box(&piece);
        let hashed = (PIECE * usize::from(PIECES)) as f64 / (1024.0 * 1024.0);
        (hashed / fastest / REFERENCE).clamp(PLAUSIBLE.0, PLAUSIBLE.1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleeping_uses_no_processor_time() {
        let watch = Stopwatch::start(CpuScope::Thread);
        std::thread::sleep(std::time::Duration::from_millis(300));
        let took = watch.stop();
        assert!(took.clock >= 0.3, "{took:?}");
        assert!(took.processor.is_none_or(|seconds| seconds < 0.15), "{took:?}");
    }

    #[test]
    fn the_work_of_another_thread_is_not_counted() {
        let watch = Stopwatch::start(CpuScope::Thread);
        let worked = std::thread::spawn(|| {
            let watch = Stopwatch::start(CpuScope::Thread);
            while watch.began.elapsed().as_millis() < 300 {}
            watch.stop()
        });
        let worked = worked.join().expect("a thread");
        let took = watch.stop();
        assert!(took.processor.is_none_or(|own| Some(own) < worked.processor), "{took:?} {worked:?}");
    }

    #[test]
    fn the_speed_of_this_machine_is_plausible() {
        assert!((PLAUSIBLE.0..=PLAUSIBLE.1).contains(&speed()));
        let took = MeasuredTime { clock: 9.0, processor: Some(2.0) };
        assert_eq!(took.on_reference(), Some(2.0 * speed()));
        assert_eq!(MeasuredTime { processor: None, ..took }.on_reference(), None);
    }
}
