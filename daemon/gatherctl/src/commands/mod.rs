//! What each command does: one call, or all pages of a list, and then prints.

mod audit;
mod blacklist;
mod cache;
mod capabilities;
mod chain;
mod change;
mod cloud;
mod completions;
mod config;
mod daemon;
mod follow;
mod heartbeat;
mod log_level;
mod metric;
mod notification;
mod output;
pub(crate) mod plugin;
pub(crate) mod plugin_config;
mod plugin_log;
mod plugin_test;
mod plugin_type;
mod revision;
mod section;
mod subscription;
mod threshold;
mod time;
mod token;
mod user;
mod value;
mod watch;

use crate::cli::{self, Command};
use crate::cloud::Cloud;
use crate::failure::Failure;
use crate::output::{Form, Output, OutputError};
use crate::table::Row;
use crate::token_file::{TokenFile, TokenFileError};
use crate::top::{self, TopError};
use gatherd_client::types::{BlacklistRule, Page, Threshold, Timestamp};
use gatherd_client::{Client, Trust};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// All that a command works with.
pub(crate) struct Desk<'a> {
    /// The daemon, which is shown no token.
    stranger: &'a Client,
    /// Whether nobody can read along what the daemon is told.
    is_private: bool,
    /// Whether somebody named the daemon.
    is_named: bool,
    /// Whom to believe where a catalogue names the daemon.
    trust: Trust,
    /// The cloud that gives tokens, if one is named.
    cloud: Option<Cloud>,
    /// Where tokens are kept, if there is a place.
    state: Option<PathBuf>,
    /// Where answers go.
    output: Output<'a>,
}

impl<'a> Desk<'a> {
    /// A desk for the daemon that `client` connects to; tokens are kept in the directory `state`.
    pub(crate) fn new(
        client: &'a Client,
        is_private: bool,
        state: Option<PathBuf>,
        output: Output<'a>,
    ) -> Self {
        Self {
            stranger: client,
            is_private,
            is_named: true,
            trust: Trust::default(),
            cloud: None,
            state,
            output,
        }
    }

    /// With the cloud that is named, whether somebody named the daemon, and whom to believe.
    pub(crate) fn of(mut self, cloud: Option<Cloud>, is_named: bool, trust: Trust) -> Self {
        self.cloud = cloud;
        self.trust = trust;
        self.is_named = is_named;
        self
    }

    /// Does what `command` says.
    ///
    /// # Errors
    ///
    /// [`Failure`] when it was not done, or the answer cannot be printed.
    pub(crate) async fn run(&mut self, command: Command) -> Result<(), Failure> {
        // Before anything is done whose outcome could not be told.
        if self.output.form() == Form::Csv && !command.has_csv() {
            return Err(OutputError::NoCsv.into());
        }
        if !matches!(command, Command::Login(_) | Command::Logout | Command::Completions(_)) {
            self.renew().await?;
        }
        match command {
            Command::Login(login) => self.login(login).await?,
            Command::Logout => self.logout().await?,
            Command::Whoami => self.whoami(&self.client()?).await?,
            Command::Status => self.status(&self.client()?).await?,
            Command::Plugins(plugins) => self.plugins(&self.client()?, plugins).await?,
            Command::Plugin(plugin) => self.plugin(&self.client()?, plugin).await?,
            Command::Values(values) => self.values(&self.client()?, values).await?,
            Command::Metrics(which) => self.metrics(&self.client()?, which).await?,
            Command::Types(types) => self.types(&self.client()?, types).await?,
            Command::Capabilities(wish) => self.capabilities(&self.client()?, &wish).await?,
            Command::Notifications(which) => self.notifications(&self.client()?, which).await?,
            Command::Top(top) => self.top(top).await?,
            Command::Completions(wish) => self.completions(wish.shell)?,
            Command::LogLevel(level) => self.log_level(&self.client()?, level).await?,
            Command::Config(config) => self.config(&self.client()?, config).await?,
            Command::Diff(diff) => self.diff(&self.client()?, &diff).await?,
            Command::Apply(apply) => self.apply(&self.client()?, &apply).await?,
            Command::History(history) => self.history(&self.client()?, history).await?,
            Command::Rollback(rollback) => self.rollback(&self.client()?, rollback).await?,
            Command::Confirm(confirm) => self.confirm(&self.client()?, confirm).await?,
            Command::Threshold(wish) => self.members::<Threshold>(&self.client()?, wish).await?,
            Command::Blacklist(wish) => self.members::<BlacklistRule>(&self.client()?, wish).await?,
            Command::Chain(wish) => self.chains(&self.client()?, wish).await?,
            Command::Subscription(wish) => self.subscriptions(&self.client()?, wish).await?,
            Command::Output(outputs) => self.outputs(&self.client()?, outputs).await?,
            Command::Flush(flush) => self.flush(&self.client()?, flush).await?,
            Command::Cache(cache) => self.cache(&self.client()?, cache).await?,
            Command::Time(time) => self.time(&self.client()?, time).await?,
            Command::Audit(which) => self.audit(&self.client()?, which).await?,
            Command::User(users) => self.users(&self.client()?, users).await?,
            Command::Daemon(daemon) => self.daemon(&self.client()?, daemon).await?,
        }
        Ok(self.output.finish()?)
    }

    /// Prints a list from its first page on, up to the limit.
    async fn list<T: Row + Serialize + DeserializeOwned>(
        &mut self,
        client: &Client,
        first: Page<T>,
        limit: cli::Limit,
    ) -> Result<(), Failure> {
        let mut list = self.output.list::<T>()?;
        let mut left = limit.limit.unwrap_or(usize::MAX);
        let mut page = first;
        loop {
            let mut items = page.items.iter();
            while left > 0 && !list.is_full() {
                let Some(item) = items.next() else { break };
                list.item(item)?;
                left -= 1;
            }
            let is_more = items.next().is_some() || page.next.is_some();
            if left == 0 || (is_more && list.is_full()) {
                return Ok(list.end(left > 0)?);
            }
            match client.next_page(&page).await? {
                None => return Ok(list.end(false)?),
                Some(next) if next.next.is_some() && next.next == page.next => {
                    return Err(Failure::Circle { place: client.place().to_owned() });
                }
                Some(next) => page = next,
            }
        }
    }

    /// Watches plugins and values until somebody has seen enough.
    async fn top(&mut self, wish: cli::Top) -> Result<(), Failure> {
        let paper = self.output.paper();
        if !paper.is_screen || !io::stdin().is_terminal() {
            return Err(TopError::NoTerminal.into());
        }
        top::watch(&self.client()?, wish.interval, paper.colours).await
    }

    /// The daemon, which is shown the token of an earlier login, if one is kept.
    fn client(&self) -> Result<Client, Failure> {
        let kept = match self.tokens() {
            Ok(file) => file.find(self.stranger.place(), &now())?,
            Err(TokenFileError::Nowhere) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(match kept {
            Some(kept) => self.stranger.clone().with_token(&kept.token)?,
            None => self.stranger.clone(),
        })
    }

    fn tokens(&self) -> Result<TokenFile, TokenFileError> {
        TokenFile::within(self.state.clone())
    }
}

/// All entries of a list from its first page on, at most `most`; and whether there are more.
///
/// # Errors
///
/// [`Failure`] when a page is not answered, or the list goes in circles.
pub(crate) async fn gather<T: DeserializeOwned>(
    client: &Client,
    first: Page<T>,
    most: usize,
) -> Result<(Vec<T>, bool), Failure> {
    let mut page = first;
    let mut all = Vec::new();
    loop {
        let room = most - all.len();
        let is_cut = page.items.len() > room;
        all.extend(page.items.drain(..).take(room));
        if is_cut || page.next.is_none() || all.len() == most {
            return Ok((all, is_cut || page.next.is_some()));
        }
        match client.next_page(&page).await? {
            None => return Ok((all, false)),
            Some(next) if next.next.is_some() && next.next == page.next => {
                return Err(Failure::Circle { place: client.place().to_owned() });
            }
            Some(next) => page = next,
        }
    }
}

/// Now, to the second.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX), 0)
}
