//! A database in memory whose writes can be made to fail, and whose bytes can be copied at any moment as
//! a `kill -9` would leave them.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use redb::{Builder, StorageBackend};

use super::{Left, Store, StoreError};

/// The medium; clones share it.
#[derive(Clone, Debug, Default)]
pub(in crate::desired) struct Disk(Arc<State>);

#[derive(Debug, Default)]
struct State {
    bytes: Mutex<Vec<u8>>,
    broken: AtomicBool,
    /// Operations until writes fail; `usize::MAX` for never.
    left: Mutex<Option<usize>>,
    operations: AtomicUsize,
}

impl Disk {
    /// A disk with these bytes.
    pub(in crate::desired) fn holding(bytes: Vec<u8>) -> Self {
        let disk = Self::default();
        *disk.0.bytes.lock().unwrap() = bytes;
        disk
    }

    /// What a crash at this moment would leave.
    pub(in crate::desired) fn bytes(&self) -> Vec<u8> {
        self.0.bytes.lock().unwrap().clone()
    }

    /// From now on each write fails (or works again).
    pub(in crate::desired) fn set_broken(&self, broken: bool) {
        self.0.broken.store(broken, Ordering::Relaxed);
    }

    /// Lets `count` more writes through, then fails.
    pub(in crate::desired) fn break_after(&self, count: usize) {
        *self.0.left.lock().unwrap() = Some(count);
    }

    /// Writes work again.
    pub(in crate::desired) fn heal(&self) {
        self.set_broken(false);
        *self.0.left.lock().unwrap() = None;
    }

    /// How many writes were asked for until now.
    pub(in crate::desired) fn operations(&self) -> usize {
        self.0.operations.load(Ordering::Relaxed)
    }

    /// Opens a store on it.
    pub(in crate::desired) fn open(&self) -> Result<(Store, Left), StoreError> {
        let disk = self.clone();
        Store::over(Box::new(move || Builder::new().create_with_backend(disk.clone())), None)
    }

    fn may_write(&self) -> io::Result<()> {
        self.0.operations.fetch_add(1, Ordering::Relaxed);
        let mut left = self.0.left.lock().unwrap();
        let spent = *left == Some(0);
        *left = left.map(|left| left.saturating_sub(1));
        if spent || self.0.broken.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

fn range(offset: u64, length: usize) -> std::ops::Range<usize> {
    let start = usize::try_from(offset).unwrap();
    start..start + length
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.bytes.lock().unwrap().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.0.bytes.lock().unwrap();
        let part = bytes.get(range(offset, out.len())).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(part);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.may_write()?;
        self.0.bytes.lock().unwrap().resize(usize::try_from(len).unwrap(), 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.may_write()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.may_write()?;
        self.0.bytes.lock().unwrap()[range(offset, data.len())].copy_from_slice(data);
        Ok(())
    }
}
