// SPDX-License-Identifier: Apache-2.0
//! Time limits, judged in a way that does not depend on the machine.

use fork::processor::{MeasuredTime, speed};
use protocol::Rank;

/// A check fails only beyond this factor: two machines that hash equally fast need not run a
/// runtime equally fast.
pub const MARGIN: f64 = 1.5;

/// Returns the rank of a duration, in seconds of the reference machine. Where the platform does not
/// give processor time, it is at most a hazard.
pub fn judge(took: MeasuredTime, limit: f64) -> Option<Rank> {
    match took.on_reference() {
        Some(seconds) if seconds > limit * MARGIN => Some(Rank::Seen),
        Some(seconds) => (seconds > limit / 2.0).then_some(Rank::Hazard),
        None => (took.clock > limit / 2.0).then_some(Rank::Hazard),
    }
}

/// Returns how a finding describes the excess. Figures differ from run to run: [`measured`] gives
/// them.
pub fn excess(rank: Rank, limit: f64) -> String {
    match rank {
        Rank::Seen => format!("more than {MARGIN} times the {limit} s"),
        _ => format!("more than half of the {limit} s"),
    }
}

/// Returns the measured figure, its reference and its margin.
pub fn measured(took: MeasuredTime) -> String {
    match (took.processor, took.on_reference()) {
        (Some(here), Some(there)) => format!(
            "{here:.2} s of this processor, {there:.2} s of the reference (this one is {:.2} times as fast; margin {MARGIN})",
            speed()
        ),
        _ => format!("{:.2} s by the clock; this platform does not tell processor time", took.clock),
    }
}

/// Returns the longer of two.
pub fn longer(one: MeasuredTime, other: MeasuredTime) -> MeasuredTime {
    let seconds = |took: MeasuredTime| took.processor.unwrap_or(took.clock);
    if seconds(other) > seconds(one) { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took(seconds: f64) -> MeasuredTime {
        MeasuredTime::from_reference(seconds)
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
