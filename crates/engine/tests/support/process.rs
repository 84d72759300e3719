//! Tests that change what belongs to a whole process, each in a process of its own.

use std::process::Command;

const ALONE: &str = "LONGMA_TEST_ALONE";

/// Run the test of this name in a process for which the shell has done `setup`. True: this is that process.
pub fn alone(name: &str, setup: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let program = std::env::current_exe().unwrap();
    let run = Command::new("sh")
        .args(["-c", &format!("{setup}; exec \"$0\" --exact --nocapture \"$1\"")])
        .arg(program)
        .arg(name)
        .env(ALONE, "yes")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && told.contains("1 passed"), "{told}{}", String::from_utf8_lossy(&run.stderr));
    false
}
