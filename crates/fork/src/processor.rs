// SPDX-License-Identifier: Apache-2.0
//! Processor time. What a clock shows depends on what else the machine does and on how fast it is; the time that a thread had
//! of a processor, held against a reference that the processor ran, depends on neither.

use serde::{Deserialize, Serialize};
use std::{sync::OnceLock, time::Instant};

/// What blake2-256 reaches on the machine that weights are in, in MiB/s: the hardware that is asked of Polkadot's validators.
pub const REFERENCE: f64 = 1_000.0;
/// Where hashing says more of how the program was built than of the processor.
const PLAUSIBLE: (f64, f64) = (0.25, 4.0);

/// How long something took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct MeasuredTime {
    /// Seconds by the clock.
    pub clock: f64,
    /// Seconds of the processor, where the platform tells.
    pub processor: Option<f64>,
}

impl MeasuredTime {
    /// Seconds of the reference machine's processor.
    pub fn on_reference(self) -> Option<f64> {
        self.processor.map(|seconds| seconds * speed())
    }

    /// The same; by the clock where the platform tells no other.
    pub fn seconds(self) -> f64 {
        self.on_reference().unwrap_or(self.clock)
    }
}

/// Whose time of the processor counts.
#[derive(Clone, Copy)]
pub enum CpuScope {
    Thread,
    /// All threads together.
    Process,
}

pub struct Stopwatch {
    scope: CpuScope,
    began: Instant,
    processor: Option<f64>,
}

impl Stopwatch {
    pub fn start(scope: CpuScope) -> Self {
        Self { scope, began: Instant::now(), processor: seconds(scope) }
    }

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

/// How fast this machine's processor is beside the reference: twice as fast is 2. Measured once, before it is first needed.
pub fn speed() -> f64 {
    static SPEED: OnceLock<f64> = OnceLock::new();
    *SPEED.get_or_init(|| {
        const PIECE: usize = 32 * 1024;
        const PIECES: u8 = 255;
        let mut piece = vec![0u8; PIECE];
        // The fastest of some: whatever else disturbs makes it slower.
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
    fn sleep_takes_the_clock_and_no_processor() {
        let watch = Stopwatch::start(CpuScope::Thread);
        std::thread::sleep(std::time::Duration::from_millis(300));
        let took = watch.stop();
        assert!(took.clock >= 0.3, "{took:?}");
        assert!(took.processor.is_none_or(|seconds| seconds < 0.15), "{took:?}");
    }

    #[test]
    fn another_threads_work_is_not_this_ones() {
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
    fn the_reference_is_a_machine_of_today() {
        assert!((PLAUSIBLE.0..=PLAUSIBLE.1).contains(&speed()));
        let took = MeasuredTime { clock: 9.0, processor: Some(2.0) };
        assert_eq!(took.on_reference(), Some(2.0 * speed()));
        assert_eq!(MeasuredTime { processor: None, ..took }.on_reference(), None);
    }
}
