//! The program on a terminal: what stands on the screen, and what keys do.

use crate::daemon::Ctl;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long something that should happen soon may take on a busy machine.
const SOON: Duration = Duration::from_secs(30);

/// Size of the screen, in columns and lines.
const COLUMNS: usize = 100;
const LINES: usize = 20;

/// A program that runs on a terminal.
pub(crate) struct Terminal {
    child: Child,
    keys: File,
    /// The program's end, kept so that its modes can be looked at.
    line: File,
    output: Receiver<Vec<u8>>,
    all: Vec<u8>,
}

impl Terminal {
    /// Runs the program with these arguments, and with `TERM` and the variables of `ctl`.
    pub(crate) fn run(ctl: &Ctl<'_>, line: &str) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let person = openpt(flags).unwrap();
        grantpt(&person).unwrap();
        unlockpt(&person).unwrap();
        let terminal = File::from(ioctl_tiocgptpeer(&person, flags).unwrap());
        let [ws_row, ws_col] = [LINES, COLUMNS].map(|number| u16::try_from(number).unwrap());
        tcsetwinsize(&person, Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let mut command = ctl.command(line);
        if !ctl.variables.iter().any(|(name, _)| *name == "TERM") {
            command.env("TERM", "xterm");
        }
        let end = || terminal.try_clone().unwrap();
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        let mut screen = File::from(person.try_clone().unwrap());
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length) = screen.read(&mut bytes) {
                if sender.send(bytes[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, keys: File::from(person), line: terminal, output, all: Vec::new() }
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until a line of the screen contains `text`.
    pub(crate) fn shows(&mut self, text: &str) {
        let begun = Instant::now();
        while !self.screen().iter().any(|line| line.contains(text)) {
            let left = SOON.checked_sub(begun.elapsed());
            let more = left.and_then(|left| self.output.recv_timeout(left).ok());
            let Some(more) = more else { panic!("no {text:?} on the screen:\n{}", self.screen().join("\n")) };
            self.all.extend(more);
        }
    }

    /// Waits until the program has ended; with all that it wrote.
    pub(crate) fn ended(mut self) -> (ExitStatus, String, bool) {
        let status = self.child.wait().unwrap();
        let modes = tcgetattr(&self.line).unwrap().local_modes;
        while let Ok(more) = self.output.recv_timeout(Duration::from_millis(200)) {
            self.all.extend(more);
        }
        let text = String::from_utf8_lossy(&self.all).into_owned();
        (status, text, modes.contains(LocalModes::ICANON | LocalModes::ECHO))
    }

    /// What stands on the screen: text where the cursor was put, as far as this program moves it.
    fn screen(&self) -> Vec<String> {
        let mut cells = vec![vec![' '; COLUMNS]; LINES];
        let (mut row, mut column) = (0, 0);
        let text = String::from_utf8_lossy(&self.all);
        let mut chars = text.chars();
        while let Some(char) = chars.next() {
            match char {
                '\u{1b}' => {
                    let mut sequence = String::new();
                    let is_end = |char: char| char.is_ascii_alphabetic();
                    while let Some(char) = chars.next().filter(|_| !sequence.ends_with(is_end)) {
                        sequence.push(char);
                        if sequence.ends_with(is_end) {
                            break;
                        }
                    }
                    let numbers = sequence.trim_start_matches('[').trim_end_matches(is_end);
                    let mut numbers = numbers.split(';').map(|number| number.parse().unwrap_or(1_usize));
                    match sequence.chars().last() {
                        Some('H') => {
                            (row, column) =
                                (numbers.next().unwrap_or(1) - 1, numbers.next().unwrap_or(1) - 1);
                        }
                        Some('J') if row == 0 || sequence == "[2J" => {
                            cells = vec![vec![' '; COLUMNS]; LINES];
                        }
                        _ => {}
                    }
                }
                '\r' => column = 0,
                '\n' => row += 1,
                char => {
                    if let Some(cell) = cells.get_mut(row).and_then(|line| line.get_mut(column)) {
                        *cell = char;
                    }
                    column += 1;
                }
            }
        }
        cells.into_iter().map(|line| line.into_iter().collect::<String>().trim_end().to_owned()).collect()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _ended_already = self.child.wait();
    }
}
