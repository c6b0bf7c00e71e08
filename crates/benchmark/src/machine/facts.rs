// SPDX-License-Identifier: Apache-2.0
//! Reads the facts that the kernel reports about the machine.

use protocol::weights::raw::Machine;
use std::path::Path;

/// Returns the facts about this machine, without measured speeds.
pub fn facts() -> Machine {
    let processors = text("/proc/cpuinfo").unwrap_or_default();
    let memory = text("/proc/meminfo").unwrap_or_default();
    Machine {
        cpu: field(&processors, "model name").unwrap_or_else(|| "unknown".into()),
        cores: std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX)),
        memory_bytes: memory_bytes(&memory),
        kernel: text("/proc/sys/kernel/osrelease").unwrap_or_else(|| "unknown".into()),
        governor: text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        virtualisation: virtualisation(&processors),
        load: text("/proc/loadavg").and_then(|line| line.split(' ').next()?.parse().ok()),
        ..Machine::default()
    }
}

/// Reads a file of the kernel. Such files have a few kilobytes, or some hundred kilobytes on a
/// machine with hundreds of cores.
fn text(path: &str) -> Option<String> {
    let bytes = files::read_bounded(Path::new(path), 4 << 20).ok()?;
    Some(String::from_utf8_lossy(&bytes).trim().to_string()).filter(|text| !text.is_empty())
}

fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.split_once(':').filter(|(key, _)| key.trim() == name))?;
    Some(line.1.trim().to_string()).filter(|value| !value.is_empty())
}

fn memory_bytes(text: &str) -> u64 {
    let kilobytes = field(text, "MemTotal").and_then(|value| value.split(' ').next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0).saturating_mul(1024)
}

/// Detects a container by its marker files, because it shares the kernel, and a virtual machine by
/// the flags of the processor.
fn virtualisation(processors: &str) -> Option<String> {
    let container = ["/.dockerenv", "/run/.containerenv"].iter().any(|mark| Path::new(mark).exists());
    let guest = field(processors, "flags").is_some_and(|flags| flags.split(' ').any(|flag| flag == "hypervisor"));
    let product = text("/sys/class/dmi/id/product_name");
    match (container, guest) {
        (true, _) => Some("container".into()),
        (false, true) => Some(product.map_or("virtual machine".into(), |name| format!("virtual machine, {name}"))),
        (false, false) => field(processors, "flags").map(|_| "none".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_tables_are_read() {
        let processors = "processor\t: 0\nmodel name\t: AMD EPYC 7763\nflags\t\t: fpu hypervisor avx2\n";
        assert_eq!(field(processors, "model name").as_deref(), Some("AMD EPYC 7763"));
        assert_eq!(memory_bytes("MemTotal:       24567890 kB\nMemFree: 1 kB\n"), 24_567_890 * 1024);
        assert_eq!(memory_bytes("nothing"), 0);
        assert!(virtualisation(processors).is_some());
        assert_eq!(field("", "model name"), None);
    }

    #[test]
    fn this_machine_has_cores_and_memory() {
        let facts = facts();
        assert!(facts.cores >= 1 && facts.memory_bytes > 0 && facts.kernel != "unknown");
    }
}
