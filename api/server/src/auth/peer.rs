//! Who is at the other end of a unix socket, as the kernel says it.

use gatherd_api_types::Role;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::UnixStream;
use tokio::sync::OnceCell;

/// Whether the daemon's own user is trusted on the unix socket: only while nothing else runs under it. Whoever has a
/// copy may end that, and nobody brings it back.
#[derive(Clone, Debug, Default)]
pub struct OwnUser(Arc<AtomicBool>);

impl OwnUser {
    /// It is trusted.
    pub fn trusted() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }

    /// From now on it is not; answers whether it was.
    pub fn distrust(&self) -> bool {
        self.0.swap(false, Ordering::AcqRel)
    }

    fn is_trusted(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Whom a unix socket trusts besides root.
#[derive(Clone, Debug)]
pub(crate) struct PeerPolicy {
    /// Members of this group; nobody when there is no such group.
    pub(crate) admin_group: String,
    /// The daemon's own user, while nothing else runs under it.
    pub(crate) own_user: OwnUser,
}

/// The process that opened a connection over the unix socket.
#[derive(Debug)]
pub(crate) struct Peer {
    uid: u32,
    gid: u32,
    account: OnceCell<Account>,
}

/// What the user database says about a peer.
#[derive(Clone, Debug)]
struct Account {
    name: String,
    is_member: bool,
}

impl Peer {
    /// The peer of a connection; `None` when the kernel does not say.
    pub(crate) fn of(stream: &UnixStream) -> Option<Self> {
        let credentials = stream.peer_cred().ok()?;
        Some(Self::new(credentials.uid(), credentials.gid()))
    }

    pub(super) fn new(uid: u32, gid: u32) -> Self {
        Self { uid, gid, account: OnceCell::new() }
    }

    /// How logs and audits name it.
    pub(crate) fn place(&self) -> String {
        format!("unix:{}", self.uid)
    }

    /// Its user name and role; `None` when it is not trusted. The user database is asked once.
    pub(super) async fn identify(&self, policy: &PeerPolicy) -> Option<(String, Role)> {
        let account = self.account.get_or_try_init(|| look_up(self.uid, self.gid, policy)).await.ok()?;
        let own = policy.own_user.is_trusted() && self.uid == rustix::process::geteuid().as_raw();
        let trusted = self.uid == 0 || own || account.is_member;
        trusted.then(|| (account.name.clone(), Role::Admin))
    }
}

/// Asks the user database, which may wait for a network: on a thread that may wait.
async fn look_up(uid: u32, gid: u32, policy: &PeerPolicy) -> Result<Account, tokio::task::JoinError> {
    let group = policy.admin_group.clone();
    tokio::task::spawn_blocking(move || account(uid, gid, &group)).await
}

fn account(uid: u32, gid: u32, group: &str) -> Account {
    let user = uzers::get_user_by_uid(uid);
    let group = uzers::get_group_by_name(group).map(|found| found.gid());
    let groups = user.as_ref().and_then(uzers::User::groups).unwrap_or_default();
    let is_member = group.is_some_and(|group| gid == group || groups.iter().any(|it| it.gid() == group));
    let name = user.map_or_else(|| uid.to_string(), |user| user.name().to_string_lossy().into_owned());
    Account { name, is_member }
}
