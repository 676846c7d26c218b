//! The tour of the API is true: its commands are run in a shell, from top to bottom, against a real daemon.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use gatherd_e2e::{Daemon, Setup, Stage, skip, within};

/// The tour.
const TOUR: &str = include_str!("../../../docs/api-tour.md");

/// What stands before a part of what a command prints.
const PRINTS: &str = "# → ";

/// What stands before a part of what a command prints in a little while.
const SOON: &str = "# soon → ";

/// What the shell says behind each step.
const END: &str = "--- end of the step ---";

/// Some lines of shell, and what they print.
#[derive(Debug, Default, Eq, PartialEq)]
struct Step {
    lines: Vec<String>,
    prints: Option<String>,
    soon: bool,
}

/// The steps of all shell blocks: each ends with what it prints, or with its block.
fn steps(tour: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let (mut step, mut inside) = (Step::default(), false);
    for line in tour.lines() {
        let ends = inside && line == "```";
        let said = line.strip_prefix(PRINTS).or_else(|| line.strip_prefix(SOON));
        match said {
            Some(text) if inside => {
                step.prints = Some(text.to_owned());
                step.soon = line.starts_with(SOON);
                steps.push(std::mem::take(&mut step));
            }
            _ if ends && !step.lines.is_empty() => steps.push(std::mem::take(&mut step)),
            _ if inside && !ends => step.lines.push(line.to_owned()),
            _ => {}
        }
        inside = (inside && !ends) || line == "```sh";
    }
    steps
}

/// A shell that runs step after step, so that what one sets the next one has.
struct Shell {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Shell {
    fn start(daemon: &Daemon) -> Self {
        let mut child = Command::new("bash")
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("SOCKET", daemon.socket())
            .env("STATE", daemon.place().state())
            .env("URL", format!("http://{}", daemon.address()))
            .env("PID", daemon.pid().to_string())
            .current_dir(daemon.place().path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let to = child.stdin.take().unwrap();
        let from = BufReader::new(child.stdout.take().unwrap());
        Self { child, to, from }
    }

    /// What a step prints, errors included.
    fn run(&mut self, step: &Step) -> String {
        writeln!(self.to, "{{\n{}\n}} 2>&1 </dev/null\necho\necho '{END}'", step.lines.join("\n")).unwrap();
        let mut printed = String::new();
        loop {
            let before = printed.len();
            let length = self.from.read_line(&mut printed).unwrap();
            assert_ne!(length, 0, "the shell ended in {step:#?}\n{printed}");
            if printed[before..].trim_end() == END {
                printed.truncate(before);
                return printed;
            }
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _ended_already = self.child.wait();
    }
}

#[tokio::test]
async fn every_command_of_the_tour_prints_what_stands_below_it() {
    let Some(stage) = Stage::find() else { return };
    if !["/usr/bin/curl", "/bin/curl"].iter().any(|path| std::path::Path::new(path).exists()) {
        return skip("there is no curl");
    }
    let mut daemon = Daemon::start(Setup::new(&stage)).await;
    let mut shell = Shell::start(&daemon);
    for step in steps(TOUR) {
        let Some(prints) = &step.prints else {
            let _nothing_is_promised = shell.run(&step);
            continue;
        };
        if step.soon {
            within(&format!("{:#?} prints {prints}", step.lines), async || {
                let printed = shell.run(&step);
                if printed.contains(prints) { Ok(()) } else { Err(printed) }
            })
            .await;
        } else {
            let printed = shell.run(&step);
            assert!(printed.contains(prints), "{:#?} prints\n{printed}and not {prints}", step.lines);
        }
    }
    // The last use case let another daemon take over.
    daemon.inherited().await;
}

#[test]
fn the_tour_has_every_use_case_with_a_command() {
    for case in (1..=15).chain([17]) {
        let number = case.to_string();
        let has = |line: &&str| {
            let listed = line.split(['(', ')', ',', ' ']).any(|word| word == number);
            line.starts_with("### ") && listed
        };
        let heading = TOUR.lines().find(has).unwrap_or_else(|| panic!("use case {case} has no heading"));
        let section = TOUR.split_once(heading).map(|(_, rest)| rest).unwrap_or_default();
        let section = section.split("\n## ").next().and_then(|rest| rest.split("\n### ").next());
        let shown = section.unwrap_or_default();
        assert!(shown.contains("```sh\n") && shown.contains("→"), "use case {case} has no command");
    }
}

#[test]
fn a_step_ends_with_what_it_prints_or_with_its_block() {
    let tour = "a\n```sh\none\ntwo\n# → x\nthree\n# soon → y\nfour\n```\nb\n```json\n{}\n```\n";
    let step = |lines: &[&str], prints: Option<&str>, soon| Step {
        lines: lines.iter().map(|&line| line.to_owned()).collect(),
        prints: prints.map(str::to_owned),
        soon,
    };
    let expected = [
        step(&["one", "two"], Some("x"), false),
        step(&["three"], Some("y"), true),
        step(&["four"], None, false),
    ];
    assert_eq!(steps(tour), expected);
}
