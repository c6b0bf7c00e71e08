// SPDX-License-Identifier: Apache-2.0
use std::time::Duration;

/// How often it is looked whether the parent is there.
const PARENT_POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Ends this process once the one that started it is gone, however that ended: what a worker makes then is for nobody, and
/// what it holds, a store or a file that it writes, is in the way of the next run.
pub fn exit_with_parent() {
    #[cfg(unix)]
    {
        use std::os::unix::process::parent_id;
        let parent = parent_id();
        std::thread::spawn(move || {
            while parent_id() == parent {
                std::thread::sleep(PARENT_POLL_INTERVAL);
            }
            std::process::exit(i32::from(crate::Kind::Environment.exit_code()));
        });
    }
}
