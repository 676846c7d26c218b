//! Every route there is: method, path, who may, and the handler.
//!
//! Nothing is served that is not in this table, and no line is without its access. Tests hold the table
//! against the document, and try every line with every kind of credential.

use crate::audit::audit as noted;
use crate::handlers::{
    audit, blacklist, cache, capabilities, chain, config, daemon, docs, exposition, flush, health, heartbeat,
    metric, notification, operation, output, output_buffer, plugin, plugin_config, plugin_log, plugin_test,
    plugin_type, revision, subscription, threshold, time, time_config, token, user, value, version,
};
use crate::operations::stretch;
use crate::problem::ApiError;
use actix_web::guard::{self, Guard};
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, Route, web};
use gatherd_api_types::Role;
use std::time::Duration;

/// Who may use a route.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Access {
    /// Everybody.
    Open,
    /// Everybody by configuration, otherwise who has this role.
    Configured(Role),
    /// Who has this role.
    Needs(Role),
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Line {
    /// The method; a GET answers HEAD as well.
    pub(crate) method: Method,
    /// The path, in the router's words: `{name:.*}` takes slashes too.
    pub(crate) path: &'static str,
    /// Who may.
    pub(crate) access: Access,
    /// Whether it is in the document; pages for people are not.
    pub(crate) documented: bool,
    /// The handler.
    route: fn() -> Route,
}

/// Work that may take longer than its caller waits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Slow {
    /// How long a caller waits that does not say.
    pub(crate) patience: Duration,
    /// Whether it may be ended before its time; what is not is carried to its end, once begun.
    pub(crate) is_cancellable: bool,
}

/// How long a caller waits for slow work when it does not say.
const PATIENCE: Duration = Duration::from_secs(2);

/// The same for what is told in the request how long it may take, which is a minute at most.
const OWN_PATIENCE: Duration = Duration::from_secs(65);

/// Writes one line.
macro_rules! line {
    ($method:ident $path:literal, page, $handler:path) => {
        line!(@ $method $path, Access::Open, false, $handler)
    };
    ($method:ident $path:literal, open, $handler:path) => {
        line!(@ $method $path, Access::Open, true, $handler)
    };
    ($method:ident $path:literal, scraper, $handler:path) => {
        line!(@ $method $path, Access::Configured(Role::Reader), true, $handler)
    };
    ($method:ident $path:literal, $role:ident, $handler:path) => {
        line!(@ $method $path, Access::Needs(Role::$role), true, $handler)
    };
    (@ $method:ident $path:literal, $access:expr, $documented:literal, $handler:path) => {
        Line {
            method: Method::$method,
            path: $path,
            access: $access,
            documented: $documented,
            route: || web::to($handler),
        }
    };
}

/// The table. Lines of one path stand together; the first path that fits is taken.
pub(crate) const TABLE: &[Line] = &[
    line!(GET    "/",                           open,    version::list_versions),
    line!(GET    "/v1",                         open,    version::get_version),
    line!(GET    "/v1/",                        open,    version::get_version_slash),
    line!(GET    "/healthz",                    open,    health::get_health),
    line!(GET    "/readyz",                     open,    health::get_readiness),
    line!(GET    "/openapi.json",               open,    docs::get_openapi),
    line!(GET    "/docs",                       page,    docs::redirect_to_docs),
    line!(GET    "/docs/{file:.*}",             page,    docs::get_docs),
    line!(GET    "/metrics",                    scraper, exposition::get_exposition),
    line!(POST   "/v1/auth/tokens",             open,    token::create_token),
    line!(GET    "/v1/auth/tokens",             Reader,  token::get_token),
    line!(DELETE "/v1/auth/tokens",             Reader,  token::delete_token),
    line!(GET    "/v1/auth/users",              Admin,   user::list_users),
    line!(GET    "/v1/auth/users/{name}",       Admin,   user::get_user),
    line!(PUT    "/v1/auth/users/{name}",       Admin,   user::put_user),
    line!(DELETE "/v1/auth/users/{name}",       Admin,   user::delete_user),
    line!(POST   "/v1/auth/users/{name}/rotate", Admin,  user::rotate_user),
    line!(GET    "/v1/plugins",                 Reader,  plugin::list_plugins),
    line!(POST   "/v1/plugins",                 Admin,   plugin::create_plugin),
    line!(GET    "/v1/plugins/{id}",            Reader,  plugin::get_plugin),
    line!(PATCH  "/v1/plugins/{id}",            Admin,   plugin::patch_plugin),
    line!(DELETE "/v1/plugins/{id}",            Admin,   plugin::delete_plugin),
    line!(POST   "/v1/plugins/{id}/enable",     Member,  plugin::enable_plugin),
    line!(POST   "/v1/plugins/{id}/disable",    Member,  plugin::disable_plugin),
    line!(POST   "/v1/plugins/{id}/restart",    Member,  plugin::restart_plugin),
    line!(POST   "/v1/plugins/{id}/reload",     Admin,   plugin::reload_plugin),
    line!(GET    "/v1/plugins/{id}/config",     Reader,  plugin_config::get_plugin_config),
    line!(PUT    "/v1/plugins/{id}/config",     Admin,   plugin_config::replace_plugin_config),
    line!(PATCH  "/v1/plugins/{id}/config",     Admin,   plugin_config::patch_plugin_config),
    line!(POST   "/v1/plugins/{id}/test",       Member,  plugin_test::test_plugin),
    line!(GET    "/v1/plugins/{id}/log",        Reader,  plugin_log::list_plugin_log),
    line!(GET    "/v1/plugins/{id}/log/stream", Reader,  plugin_log::stream_plugin_log),
    line!(GET    "/v1/plugin-types",            Reader,  plugin_type::list_plugin_types),
    line!(GET    "/v1/values",                  Reader,  value::list_values),
    line!(POST   "/v1/values",                  Member,  value::put_values),
    line!(GET    "/v1/values/stream",           Reader,  value::stream_values),
    line!(GET    "/v1/values/{identifier:.+}",  Reader,  value::get_value),
    line!(GET    "/v1/metrics",                 Reader,  metric::list_metrics),
    line!(GET    "/v1/cache",                   Reader,  cache::get_cache),
    line!(DELETE "/v1/cache",                   Member,  cache::remove_values),
    line!(DELETE "/v1/cache/{identifier:.+}",   Member,  cache::remove_value),
    line!(GET    "/v1/outputs",                 Reader,  output::list_outputs),
    line!(GET    "/v1/outputs/{id}",            Reader,  output::get_output),
    line!(GET    "/v1/outputs/{id}/buffer",     Reader,  output_buffer::get_output_buffer),
    line!(PUT    "/v1/outputs/{id}/buffer",     Admin,   output_buffer::replace_output_buffer),
    line!(PATCH  "/v1/outputs/{id}/buffer",     Admin,   output_buffer::patch_output_buffer),
    line!(POST   "/v1/outputs/{id}/flush",      Member,  flush::flush_output),
    line!(POST   "/v1/outputs/{id}/pause",      Member,  output::pause_output),
    line!(POST   "/v1/outputs/{id}/resume",     Member,  output::resume_output),
    line!(POST   "/v1/flush",                   Member,  flush::flush),
    line!(GET    "/v1/capabilities",            Reader,  capabilities::get_capabilities),
    line!(GET    "/v1/heartbeat",               Reader,  heartbeat::get_heartbeat),
    line!(GET    "/v1/time",                    Reader,  time::get_time),
    line!(GET    "/v1/time/config",             Reader,  time_config::get_time_config),
    line!(PUT    "/v1/time/config",             Admin,   time_config::replace_time_config),
    line!(PATCH  "/v1/time/config",             Admin,   time_config::patch_time_config),
    line!(POST   "/v1/time/sync",               Member,  time::sync_time),
    line!(GET    "/v1/thresholds",              Reader,  threshold::list_thresholds),
    line!(POST   "/v1/thresholds",              Admin,   threshold::create_threshold),
    line!(POST   "/v1/thresholds/preview",      Reader,  threshold::preview_threshold),
    line!(GET    "/v1/thresholds/{id}",         Reader,  threshold::get_threshold),
    line!(PUT    "/v1/thresholds/{id}",         Admin,   threshold::replace_threshold),
    line!(PATCH  "/v1/thresholds/{id}",         Admin,   threshold::patch_threshold),
    line!(DELETE "/v1/thresholds/{id}",         Admin,   threshold::delete_threshold),
    line!(GET    "/v1/blacklist",               Reader,  blacklist::list_blacklist_rules),
    line!(POST   "/v1/blacklist",               Member,  blacklist::create_blacklist_rule),
    line!(POST   "/v1/blacklist/preview",       Reader,  blacklist::preview_blacklist_rule),
    line!(GET    "/v1/blacklist/{id}",          Reader,  blacklist::get_blacklist_rule),
    line!(PUT    "/v1/blacklist/{id}",          Member,  blacklist::replace_blacklist_rule),
    line!(PATCH  "/v1/blacklist/{id}",          Member,  blacklist::patch_blacklist_rule),
    line!(DELETE "/v1/blacklist/{id}",          Member,  blacklist::delete_blacklist_rule),
    line!(GET    "/v1/chains",                  Reader,  chain::list_chains),
    line!(POST   "/v1/chains",                  Admin,   chain::create_chain),
    line!(POST   "/v1/chains/preview",          Reader,  chain::preview_chains),
    line!(GET    "/v1/chains/{id}",             Reader,  chain::get_chain),
    line!(PUT    "/v1/chains/{id}",             Admin,   chain::replace_chain),
    line!(PATCH  "/v1/chains/{id}",             Admin,   chain::patch_chain),
    line!(DELETE "/v1/chains/{id}",             Admin,   chain::delete_chain),
    line!(GET    "/v1/notifications",           Reader,  notification::list_notifications),
    line!(POST   "/v1/notifications",           Member,  notification::publish_notification),
    line!(GET    "/v1/notifications/stream",    Reader,  notification::stream_notifications),
    line!(GET    "/v1/notifications/{number}",  Reader,  notification::get_notification),
    line!(POST   "/v1/notifications/{number}/acknowledge", Member, notification::acknowledge_notification),
    line!(GET    "/v1/subscriptions",           Reader,  subscription::list_subscriptions),
    line!(POST   "/v1/subscriptions",           Admin,   subscription::create_subscription),
    line!(GET    "/v1/subscriptions/{id}",      Reader,  subscription::get_subscription),
    line!(PUT    "/v1/subscriptions/{id}",      Admin,   subscription::replace_subscription),
    line!(PATCH  "/v1/subscriptions/{id}",      Admin,   subscription::patch_subscription),
    line!(DELETE "/v1/subscriptions/{id}",      Admin,   subscription::delete_subscription),
    line!(POST   "/v1/subscriptions/{id}/test", Admin,   subscription::test_subscription),
    line!(GET    "/v1/config",                  Reader,  config::get_config),
    line!(PUT    "/v1/config",                  Admin,   config::replace_config),
    line!(PATCH  "/v1/config",                  Admin,   config::patch_config),
    line!(GET    "/v1/config/sources",          Reader,  config::get_config_sources),
    line!(GET    "/v1/revisions",               Reader,  revision::list_revisions),
    line!(GET    "/v1/revisions/{revision}",    Reader,  revision::get_revision),
    line!(GET    "/v1/revisions/{revision}/config", Reader, revision::get_revision_config),
    line!(GET    "/v1/revisions/{revision}/diff", Reader, revision::get_revision_diff),
    line!(POST   "/v1/revisions/{revision}/restore", Admin, revision::restore_revision),
    line!(POST   "/v1/revisions/{revision}/confirm", Admin, revision::confirm_revision),
    line!(GET    "/v1/operations/{id}",         Reader,  operation::get_operation),
    line!(DELETE "/v1/operations/{id}",         Member,  operation::cancel_operation),
    line!(GET    "/v1/audit",                   Admin,   audit::list_audit),
    line!(POST   "/v1/daemon/reload",           Admin,   daemon::reload_daemon),
    line!(GET    "/v1/daemon/log-level",        Reader,  daemon::get_log_level),
    line!(PUT    "/v1/daemon/log-level",        Admin,   daemon::set_log_level),
];

impl Access {
    /// Whether who has this role may.
    pub(crate) fn admits(self, role: Role) -> bool {
        match self {
            Self::Open => true,
            Self::Configured(needed) | Self::Needs(needed) => role.covers(needed),
        }
    }
}

impl Line {
    /// Whether its requests may change something.
    pub(crate) fn changes(&self) -> bool {
        self.method != Method::GET && !self.path.ends_with("/preview")
    }

    /// Whether its work may take longer than its caller waits: all that is carried out by plugins, outputs, other ends
    /// of the network, or one change after the other.
    pub(crate) fn slow(&self) -> Option<Slow> {
        let (patience, is_cancellable) = match self.path {
            _ if !self.changes() => return None,
            "/v1/auth/tokens"
            | "/v1/values"
            | "/v1/cache"
            | "/v1/cache/{identifier:.+}"
            | "/v1/notifications"
            | "/v1/notifications/{number}/acknowledge"
            | "/v1/operations/{id}"
            | "/v1/daemon/log-level" => return None,
            "/v1/flush" | "/v1/outputs/{id}/flush" => (OWN_PATIENCE, true),
            "/v1/plugins/{id}/test" | "/v1/subscriptions/{id}/test" => (PATIENCE, true),
            _ => (PATIENCE, false),
        };
        Some(Slow { patience, is_cancellable })
    }

    /// Method and path, as the document writes them.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.document_path())
    }

    /// The path as the document writes it.
    pub(crate) fn document_path(&self) -> String {
        self.path.replace(":.*}", "}").replace(":.+}", "}")
    }
}

/// The line that a request is for, if there is one.
pub(crate) fn line_of(request: &HttpRequest) -> Option<&'static Line> {
    let path = request.match_pattern()?;
    let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
    TABLE.iter().find(|line| line.path == path && line.method == method)
}

/// Serves the table; everything else is a 404 or 405 problem.
pub(crate) fn install(config: &mut web::ServiceConfig) {
    for lines in TABLE.chunk_by(|one, other| one.path == other.path) {
        let mut resource = web::resource(lines[0].path);
        for line in lines {
            resource = resource.route((line.route)().guard(takes(&line.method)));
        }
        let allowed = allowed(lines);
        resource = resource.default_service(web::to(move || {
            let error = ApiError::method_not_allowed(&allowed);
            async move { Err::<&str, ApiError>(error) }
        }));
        // From the inside: what it comes to is noted, then its caller waits no longer than it wants to.
        config.service(resource.wrap(from_fn(noted)).wrap(from_fn(stretch)));
    }
    config.default_service(web::to(|| async { Err::<&str, ApiError>(ApiError::no_such_path()) }));
}

fn takes(method: &Method) -> impl Guard + use<> {
    let guard = guard::Any(guard::Method(method.clone()));
    if method == Method::GET { guard.or(guard::Head()) } else { guard }
}

/// The methods of a path, for people and for `Allow`.
fn allowed(lines: &[Line]) -> String {
    let mut methods: Vec<&str> = lines.iter().map(|line| line.method.as_str()).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.join(", ")
}
