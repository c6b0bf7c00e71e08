// SPDX-License-Identifier: Apache-2.0
//! Whether something takes longer than there is for it, told in a way that does not depend on the machine.

use fork::processor::{MeasuredTime, speed};
use protocol::Rank;

/// The processor decides only beyond this: two machines that hash equally fast need not run a runtime equally fast.
pub const MARGIN: f64 = 1.5;

/// What it means for a verdict that something with so many seconds of a reference machine took so long. By the clock alone,
/// where a platform does not tell processor time, nothing is seen to break.
pub fn judge(took: MeasuredTime, limit: f64) -> Option<Rank> {
    match took.on_reference() {
        Some(seconds) if seconds > limit * MARGIN => Some(Rank::Seen),
        Some(seconds) => (seconds > limit / 2.0).then_some(Rank::Hazard),
        None => (took.clock > limit / 2.0).then_some(Rank::Hazard),
    }
}

/// How a finding says it. Figures differ from run to run and are told by [`measured`].
pub fn told(rank: Rank, limit: f64) -> String {
    match rank {
        Rank::Seen => format!("more than {MARGIN} times the {limit} s"),
        _ => format!("more than half of the {limit} s"),
    }
}

/// The figure behind a verdict, its reference and its margin.
pub fn measured(took: MeasuredTime) -> String {
    match (took.processor, took.on_reference()) {
        (Some(here), Some(there)) => format!(
            "{here:.2} s of this processor, {there:.2} s of the reference (this one is {:.2} times as fast; margin {MARGIN})",
            speed()
        ),
        _ => format!("{:.2} s by the clock; this platform does not tell processor time", took.clock),
    }
}

/// The one of two that took longer.
pub fn longer(one: MeasuredTime, other: MeasuredTime) -> MeasuredTime {
    let seconds = |took: MeasuredTime| took.processor.unwrap_or(took.clock);
    if seconds(other) > seconds(one) { other } else { one }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// So many seconds of the reference machine.
    pub fn took(seconds: f64) -> MeasuredTime {
        MeasuredTime { clock: seconds, processor: Some(seconds / speed()) }
    }

    #[test]
    fn only_the_processor_decides_and_only_beyond_its_margin() {
        assert_eq!(judge(took(0.9), 2.0), None);
        assert_eq!(judge(took(1.5), 2.0), Some(Rank::Hazard));
        assert_eq!(judge(took(2.5), 2.0), Some(Rank::Hazard), "longer than there is, within the margin");
        assert_eq!(judge(took(3.5), 2.0), Some(Rank::Seen));
        let busy = MeasuredTime { clock: 60.0, ..took(0.1) };
        assert_eq!(judge(busy, 2.0), None, "the machine was busy, or the state was fetched");
        let unknown = MeasuredTime { processor: None, ..busy };
        assert_eq!(judge(unknown, 2.0), Some(Rank::Hazard), "by the clock alone");
    }
}
