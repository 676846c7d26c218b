//! On what was measured.

use std::process::Command;

fn first_line(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").trim().to_owned()
}

fn field(path: &str, name: &str) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_once(':')).map_or("unknown".into(), |(_, value)| value.trim().to_owned())
}

/// Processor, cores, memory, kernel, compiler: one line each.
pub(crate) fn described() -> Vec<String> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    vec![
        format!("processor: {}, {cores} cores", field("/proc/cpuinfo", "model name")),
        format!("memory: {}", field("/proc/meminfo", "MemTotal")),
        format!("kernel: {}", first_line("uname", &["-sr"])),
        format!("compilers: {}; {}", first_line("rustc", &["--version"]), first_line("cc", &["--version"])),
        format!("load when the report was written: {}", first_line("cat", &["/proc/loadavg"])),
    ]
}
