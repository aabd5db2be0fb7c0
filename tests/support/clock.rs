//! The clock of one process, put ahead: by a library that is loaded before the system's.
//!
//! Must not know which process.

use std::fs;
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

/// Only the clock that people set is another; what counts time goes on as it does.
const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *at) {
    int result = syscall(SYS_clock_gettime, id, at);
    if (result == 0 && id == CLOCK_REALTIME) at->tv_sec += atol(getenv("CLOCK_AHEAD"));
    return result;
}
"#;

/// The environment of a process whose clock is so many seconds ahead. The library is built once for each test program, by the compiler
/// that Pasee needs.
pub fn ahead(seconds: i64) -> [(&'static str, String); 2] {
    static LIBRARY: OnceLock<TempDir> = OnceLock::new();
    let dir = LIBRARY.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let [source, library] = ["clock.c", "clock.so"].map(|name| dir.path().join(name));
        fs::write(&source, SOURCE).unwrap();
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&source);
        assert!(compiler.status().unwrap().success());
        dir
    });
    let library = dir.path().join("clock.so").display().to_string();
    [("LD_PRELOAD", library), ("CLOCK_AHEAD", seconds.to_string())]
}
