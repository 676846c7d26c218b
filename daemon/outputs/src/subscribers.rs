//! Opens ways to those who are told of notifications.

use gatherd_engine::port::{NotDelivered, Subscriber, Target, Targets};

use crate::program::{Places, Runner};
use crate::webhook::Hook;

/// Makes ways to webhooks and programs.
#[derive(Debug, Default)]
pub struct Subscribers {
    places: Places,
}

impl Targets for Subscribers {
    fn open(&self, subscriber: &Subscriber) -> Result<Box<dyn Target>, NotDelivered> {
        Ok(match subscriber {
            Subscriber::Webhook(webhook) => Box::new(Hook::new(webhook)?),
            Subscriber::Program(program) => Box::new(Runner::new(program.clone(), self.places.clone())),
        })
    }
}
