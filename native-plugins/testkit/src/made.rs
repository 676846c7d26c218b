//! A collector that a test makes by hand, so that it can look at fixtures instead of the real machine.

use std::any::Any;
use std::cell::RefCell;

use gatherd_sdk::{
    Batch, Capabilities, CdTime, Collector, ConfigError, Failure, Host, Notification, WriteBatch,
};

/// Makes a collector.
pub(crate) type Make<C> = Box<dyn FnOnce(&Host) -> Result<C, Failure>>;

thread_local! {
    /// What the next `init` on this thread uses. The C boundary carries no closures, and a test starts its
    /// instance on the thread that made it.
    static NEXT: RefCell<Option<Box<dyn Any>>> = const { RefCell::new(None) };
}

/// Says how the next [`Made`] of this thread comes about.
pub(crate) fn next<C: Collector>(make: Make<C>) {
    NEXT.set(Some(Box::new(make)));
}

/// `C`, but made by the closure of the test.
#[derive(Debug)]
pub(crate) struct Made<C>(C);

impl<C: Collector> Collector for Made<C> {
    const NAME: &'static str = C::NAME;
    const DESCRIPTION: &'static str = C::DESCRIPTION;
    const CAPABILITIES: Capabilities = C::CAPABILITIES;

    type Config = serde_json::Value;

    fn check(_config: &Self::Config) -> Result<(), Vec<ConfigError>> {
        Ok(())
    }

    fn init(_config: Self::Config, host: &Host) -> Result<Self, Failure> {
        let make = NEXT.take().and_then(|make| make.downcast::<Make<C>>().ok());
        let make = make.ok_or_else(|| Failure::new("no closure was left for this thread"))?;
        make(host).map(Self)
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        self.0.read(out)
    }

    fn write(&mut self, values: &WriteBatch<'_>) -> Result<(), Failure> {
        self.0.write(values)
    }

    fn flush(&mut self, older_than: Option<CdTime>, identifier: Option<&str>) -> Result<(), Failure> {
        self.0.flush(older_than, identifier)
    }

    fn notification(&mut self, notification: &Notification) -> Result<(), Failure> {
        self.0.notification(notification)
    }

    fn shutdown(&mut self) {
        self.0.shutdown();
    }
}
