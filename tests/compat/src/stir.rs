//! A little work for the machine, so that what both daemons count moves while they count it.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;

use anyhow::{Context, Result};

/// How much is written each time, in bytes.
const BLOCK: usize = 256 << 10;

/// Writes to a disk and to the loopback interface, and holds a connection with itself.
#[derive(Debug)]
pub(crate) struct Stir {
    file: File,
    socket: UdpSocket,
    turn: u8,
    _held: (TcpListener, TcpStream, TcpStream),
}

impl Stir {
    /// Gets a file below `folder` and a free port.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let file = File::create(folder.join("stirred")).context("cannot make a file to write to")?;
        let socket = UdpSocket::bind("127.0.0.1:0").context("cannot have a port")?;
        let own = socket.local_addr().context("cannot see the port")?;
        socket.connect(own).context("cannot speak to ourselves")?;
        Ok(Self { file, socket, turn: 0, _held: connection().context("cannot speak to ourselves by TCP")? })
    }

    /// Writes a block to the disk, and sends it a message nobody reads.
    ///
    /// # Errors
    ///
    /// When the disk does not take it.
    pub(crate) fn once(&mut self) -> Result<()> {
        self.turn = self.turn.wrapping_add(1);
        self.file.seek(SeekFrom::Start(0)).context("cannot go back in our own file")?;
        self.file.write_all(&vec![self.turn; BLOCK]).context("cannot write to our own file")?;
        self.file.sync_data().context("cannot write our own file through")?;
        let _nobody_reads = self.socket.send(&[self.turn; 512]);
        Ok(())
    }
}

/// A port that listens, and both ends of one connection with it.
fn connection() -> io::Result<(TcpListener, TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let calling = TcpStream::connect(listener.local_addr()?)?;
    let (called, _who) = listener.accept()?;
    Ok((listener, calling, called))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_turn_writes_the_block_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut stir = Stir::new(folder.path()).unwrap();
        stir.once().unwrap();
        stir.once().unwrap();
        assert_eq!(std::fs::read(folder.path().join("stirred")).unwrap(), vec![2; BLOCK]);
        let mut message = [0; 512];
        assert_eq!((stir.socket.recv(&mut message).unwrap(), message[0]), (512, 1));
    }
}
