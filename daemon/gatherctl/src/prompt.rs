//! Asks for a secret on a terminal, without showing it.
//!
//! The terminal hands over each key as it is pressed, for otherwise Ctrl-C would end this program and
//! leave a terminal that shows nothing any more.

use crate::secret::SecretError;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{self, BufReader, Read, Write};

/// Longest secret, in bytes.
pub(crate) const LONGEST: usize = 1024;

/// Asks `question` and takes one line.
///
/// # Errors
///
/// [`SecretError::Terminal`] when the terminal fails, [`SecretError::Stopped`] for Ctrl-C and for Ctrl-D or
/// an end before any key, [`SecretError::TooLong`] and [`SecretError::NotText`] for what no secret is.
pub(crate) fn ask(terminal: &File, question: &str) -> Result<String, SecretError> {
    let _quiet = Quiet::on(terminal).map_err(SecretError::Terminal)?;
    let mut writer = terminal;
    writer.write_all(question.as_bytes()).map_err(SecretError::Terminal)?;
    let secret = line(terminal);
    writer.write_all(b"\n").map_err(SecretError::Terminal)?;
    secret
}

/// A terminal that shows nothing and acts upon nothing until this is dropped.
struct Quiet<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Quiet<'a> {
    fn on(terminal: &'a File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        quiet.local_modes -= LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG;
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(terminal, OptionalActions::Flush, &quiet)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        let _terminal_gone = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}

/// Keys up to Enter, as the terminal's own line editing would take them.
fn line(keys: impl Read) -> Result<String, SecretError> {
    let mut typed = Vec::new();
    for key in BufReader::new(keys).bytes() {
        match key.map_err(SecretError::Terminal)? {
            b'\n' | b'\r' => return text(typed),
            0x03 => return Err(SecretError::Stopped), // Ctrl-C.
            0x04 if typed.is_empty() => return Err(SecretError::Stopped), // Ctrl-D.
            0x04 => return text(typed),
            0x08 | 0x7f => erase(&mut typed), // Backspace, Delete.
            0x15 => typed.clear(),            // Ctrl-U.
            0x00..0x20 => {}
            _ if typed.len() >= LONGEST => return Err(SecretError::TooLong),
            key => typed.push(key),
        }
    }
    if typed.is_empty() { Err(SecretError::Stopped) } else { text(typed) }
}

/// Takes away the last character, all bytes of it.
fn erase(typed: &mut Vec<u8>) {
    while typed.pop().is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000) {}
}

fn text(typed: Vec<u8>) -> Result<String, SecretError> {
    String::from_utf8(typed).map_err(|_| SecretError::NotText)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};

    #[test]
    fn keys_edit_the_line() {
        for (keys, secret) in [
            ("horse\n", "horse"),
            ("horsé\u{7f}e\r", "horse"),
            ("wrong\u{15}horse\n", "horse"),
            ("\u{8}ho\u{1b}rse\u{4}", "horse"),
            ("horse", "horse"),
            ("\n", ""),
        ] {
            assert_eq!(line(keys.as_bytes()).unwrap(), secret, "{keys:?}");
        }
    }

    #[test]
    fn who_stops_gives_no_secret() {
        for keys in ["hor\u{3}se\n", "\u{4}", ""] {
            assert!(matches!(line(keys.as_bytes()), Err(SecretError::Stopped)), "{keys:?}");
        }
    }

    #[test]
    fn what_no_secret_is_is_refused() {
        assert!(matches!(line(&[0xff, b'\n'][..]), Err(SecretError::NotText)));
        let long = [b'x'; LONGEST + 1];
        assert!(matches!(line(&long[..]), Err(SecretError::TooLong)));
        assert_eq!(line(&long[..LONGEST]).unwrap().len(), LONGEST);
    }

    #[test]
    fn a_terminal_shows_the_question_alone_and_is_then_as_before() {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let person = openpt(flags).unwrap();
        grantpt(&person).unwrap();
        unlockpt(&person).unwrap();
        let terminal = File::from(ioctl_tiocgptpeer(&person, flags).unwrap());
        let before = tcgetattr(&terminal).unwrap().local_modes;
        let (mut keys, mut screen) = (File::from(person.try_clone().unwrap()), File::from(person));
        let person = std::thread::spawn(move || {
            let mut seen = Vec::new();
            let mut byte = [0];
            while !seen.ends_with(b"Password: ") {
                screen.read_exact(&mut byte).unwrap();
                seen.push(byte[0]);
            }
            keys.write_all(b"horse\n").unwrap();
            while !seen.ends_with(b"\n") {
                screen.read_exact(&mut byte).unwrap();
                seen.push(byte[0]);
            }
            (String::from_utf8(seen).unwrap(), screen) // The terminal lives as long as its screen.
        });
        assert_eq!(ask(&terminal, "Password: ").unwrap(), "horse");
        let (seen, _screen) = person.join().unwrap();
        assert_eq!(seen, "Password: \r\n");
        assert_eq!(tcgetattr(&terminal).unwrap().local_modes, before);
        assert!(before.contains(LocalModes::ECHO));
    }
}
