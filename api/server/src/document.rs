//! The OpenAPI document: what the handlers say, completed from the table of routes.
//!
//! Handlers describe their success; which credentials a route needs and which errors it can answer
//! follows from its line in the table, so that neither can be forgotten.

use crate::examples;
use crate::handlers::{
    audit, blacklist, cache, capabilities, chain, config, daemon, docs, exposition, flush, health, heartbeat,
    metric, notification, output, output_buffer, plugin, plugin_config, plugin_log, plugin_test, plugin_type,
    revision, subscription, threshold, time, time_config, token, value, version,
};
use crate::output::PLAN_JSON;
use crate::problem::{PROBLEM_JSON, code_status};
use crate::routes::{Access, Line, TABLE};
use actix_web::http::Method;
use gatherd_api_types::{Plan, Problem, ProblemCode, Provisional, Role};
use std::sync::LazyLock;
use utoipa::OpenApi as _;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ArrayBuilder, Components, ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ContentBuilder, OpenApi, PathItem, Ref, RefOr, Required, Response, ResponseBuilder};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "gatherd management API",
        version = "1.0",
        description = "Steers a gatherd daemon while it runs.\n\n\
            Every refusal and every failure answers `application/problem+json` (RFC 9457) with a `code` of a \
            closed list. Microversions are negotiated with `OpenStack-API-Version: telemetry-agent 1.N`; \
            absent means the oldest. Query parameters that an operation does not know are refused.",
        license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT")
    ),
    servers((url = "/", description = "The daemon that serves this document.")),
    tags(
        (name = "versions", description = "Which versions there are."),
        (name = "tokens", description = "Who may come in."),
        (name = "plugins", description = "What gathers."),
        (name = "values", description = "What was gathered."),
        (name = "time", description = "The machine's clock."),
        (name = "outputs", description = "What carries values away."),
        (name = "thresholds", description = "What is wrong with values."),
        (name = "blacklist", description = "What is hidden."),
        (name = "chains", description = "What becomes of values on their way."),
        (name = "notifications", description = "What happened."),
        (name = "subscriptions", description = "Who is told of what happened."),
        (name = "configuration", description = "What is asked of the daemon, and what was."),
        (name = "daemon", description = "The daemon itself.")
    ),
    components(schemas(Problem, Plan, Provisional)),
    paths(
        version::list_versions, version::get_version, version::get_version_slash,
        health::get_health, health::get_readiness, docs::get_openapi, exposition::get_exposition,
        token::create_token, token::get_token, token::delete_token,
        plugin::list_plugins, plugin::get_plugin, plugin::enable_plugin, plugin::disable_plugin,
        plugin::restart_plugin, plugin::reload_plugin,
        plugin_config::get_plugin_config, plugin_config::replace_plugin_config,
        plugin_config::patch_plugin_config,
        plugin_log::list_plugin_log, plugin_log::stream_plugin_log, plugin_test::test_plugin, plugin_type::list_plugin_types, value::list_values, value::get_value, value::put_values, value::stream_values, metric::list_metrics,
        threshold::list_thresholds, threshold::create_threshold, threshold::get_threshold,
        threshold::replace_threshold, threshold::patch_threshold,
        threshold::delete_threshold, threshold::preview_threshold,
        blacklist::list_blacklist_rules, blacklist::create_blacklist_rule, blacklist::get_blacklist_rule,
        blacklist::replace_blacklist_rule, blacklist::patch_blacklist_rule,
        blacklist::delete_blacklist_rule, blacklist::preview_blacklist_rule,
        chain::list_chains, chain::create_chain, chain::get_chain, chain::replace_chain, chain::patch_chain,
        chain::delete_chain, chain::preview_chains,
        cache::get_cache, heartbeat::get_heartbeat, capabilities::get_capabilities, audit::list_audit,
        notification::list_notifications, notification::stream_notifications,
        notification::publish_notification, notification::get_notification,
        notification::acknowledge_notification,
        subscription::list_subscriptions, subscription::create_subscription, subscription::get_subscription,
        subscription::replace_subscription, subscription::patch_subscription,
        subscription::delete_subscription, subscription::test_subscription,
        time::get_time, time::sync_time, time_config::get_time_config,
    time_config::replace_time_config, time_config::patch_time_config, daemon::get_log_level, daemon::set_log_level, cache::remove_values, cache::remove_value, output::list_outputs, output::get_output, output::pause_output, output::resume_output, output_buffer::get_output_buffer, output_buffer::replace_output_buffer, output_buffer::patch_output_buffer, flush::flush, flush::flush_output, daemon::reload_daemon, plugin::create_plugin, plugin::patch_plugin, plugin::delete_plugin, config::get_config, config::get_config_sources, config::replace_config, config::patch_config, revision::list_revisions, revision::get_revision, revision::get_revision_config, revision::get_revision_diff, revision::restore_revision, revision::confirm_revision,
    )
)]
struct Document;

/// Names of the two ways to show a token.
const SCHEMES: [&str; 2] = ["x_auth_token", "bearer"];

/// The OpenAPI document of everything that the server serves.
pub fn openapi() -> OpenApi {
    let mut document = Document::openapi();
    let components = document.components.get_or_insert_default();
    let header =
        ApiKeyValue::with_description("X-Auth-Token", "A token of POST /v1/auth/tokens, or of Keystone.");
    components.add_security_scheme(SCHEMES[0], SecurityScheme::ApiKey(ApiKey::Header(header)));
    components.add_security_scheme(SCHEMES[1], SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    refer_to_items(components);
    for line in TABLE.iter().filter(|line| line.documented) {
        let item = document.paths.paths.get_mut(&line.document_path());
        if let Some(operation) = item.and_then(|item| operation_mut(item, &line.method)) {
            complete(operation, line);
            examples::show(operation);
        }
    }
    document
}

/// The document as pretty JSON with a newline at its end.
pub fn openapi_text() -> String {
    let mut text = openapi().to_pretty_json().expect("the document is text, numbers and lists");
    text.push('\n');
    text
}

/// The document, made once.
pub(crate) fn document_text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(openapi_text);
    &TEXT
}

/// Lets the schema of a page refer to the schema of its entries, which it would repeat otherwise.
fn refer_to_items(components: &mut Components) {
    let known: Vec<String> = components.schemas.keys().cloned().collect();
    for (name, schema) in &mut components.schemas {
        let entry = name.strip_prefix("Page_").filter(|entry| known.iter().any(|name| name == entry));
        if let (Some(entry), RefOr::T(Schema::Object(page))) = (entry, schema) {
            let items = ArrayBuilder::new()
                .items(Ref::from_schema_name(entry))
                .description(Some("The entries of this page; at most `limit` of them."));
            page.properties.insert("items".to_owned(), items.into());
        }
    }
}

fn operation_mut<'a>(item: &'a mut PathItem, method: &Method) -> Option<&'a mut Operation> {
    match *method {
        Method::GET => item.get.as_mut(),
        Method::PUT => item.put.as_mut(),
        Method::POST => item.post.as_mut(),
        Method::DELETE => item.delete.as_mut(),
        Method::PATCH => item.patch.as_mut(),
        _ => None,
    }
}

/// Adds credentials and errors.
fn complete(operation: &mut Operation, line: &Line) {
    if let Some((role, optional)) = needed(line.access) {
        operation.security = Some(requirements(role, optional));
        operation.extensions = Some(ExtensionsBuilder::new().add("x-role", role.as_str()).build());
    }
    if parameters(operation).any(|parameter| parameter.name == "dry_run") {
        plannable(operation);
    }
    if posts(line) {
        operation.parameters.get_or_insert_default().push(key().into());
    }
    for status in statuses(operation, line) {
        let codes = ProblemCode::ALL.iter().copied().filter(|code| code_status(*code).as_u16() == status);
        let told: Vec<String> = codes
            .filter(|code| is_possible(*code, operation, line))
            .map(|code| format!("`{code}`: {}", code.meaning().get(5..).unwrap_or_default()))
            .collect();
        let response = problem(&told.join("\n\n"));
        operation.responses.responses.entry(status.to_string()).or_insert(RefOr::T(response));
    }
}

/// Whether a request can have a key.
fn posts(line: &Line) -> bool {
    line.method == Method::POST && line.path != "/v1/auth/tokens"
}

/// The key with which a request is handled once.
fn key() -> Parameter {
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "The caller's name for this request, 1 to 255 printable ASCII characters. Sent again within a day, also \
             after a restart of the daemon, it is not done again and has the same answer, with \
             `Idempotency-Replayed: true`. Only successes are remembered.",
        ))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255))))
        .build()
}

/// Adds the answers of a change that is not made for good.
fn plannable(operation: &mut Operation) {
    let plan = ContentBuilder::new().schema(Some(Ref::from_schema_name("Plan"))).build();
    let alone = || ResponseBuilder::new().description("With `dry_run`: the plan.").build();
    let answer = operation.responses.responses.entry("200".to_owned()).or_insert_with(|| RefOr::T(alone()));
    if let RefOr::T(answer) = answer {
        answer.content.insert(PLAN_JSON.to_owned(), RefOr::T(plan));
    }
    let tried = ContentBuilder::new().schema(Some(Ref::from_schema_name("Provisional"))).build();
    let tried = ResponseBuilder::new()
        .description("With `confirm_within`: the change is in effect, and goes back unless it is confirmed.")
        .content("application/json", tried)
        .build();
    operation.responses.responses.entry("202".to_owned()).or_insert(RefOr::T(tried));
}

/// Whether an operation can answer this code of one of its statuses.
fn is_possible(code: ProblemCode, operation: &Operation, line: &Line) -> bool {
    match code {
        ProblemCode::MalformedJson => operation.request_body.is_some(),
        ProblemCode::BadMarker => parameters(operation).any(|parameter| parameter.name == "marker"),
        ProblemCode::AmbiguousCredentials | ProblemCode::IdentityUnreachable => needed(line.access).is_some(),
        ProblemCode::BadRequest => {
            operation.request_body.is_some()
                || parameters(operation).any(|parameter| parameter.parameter_in == ParameterIn::Header)
        }
        ProblemCode::Disabled | ProblemCode::ReloadLimit | ProblemCode::Unloadable => {
            line.path.starts_with("/v1/plugins")
        }
        ProblemCode::Provisional => {
            parameters(operation).any(|parameter| parameter.name == "dry_run")
                || line.path.ends_with("/confirm")
        }
        ProblemCode::KeyInUse | ProblemCode::KeyReused => posts(line),
        ProblemCode::Exists => operation.responses.responses.contains_key("201"),
        ProblemCode::ClockUncertain
        | ProblemCode::ClockTooFar
        | ProblemCode::ClockKept
        | ProblemCode::ClockBudget
        | ProblemCode::ClockNotPermitted => line.path == "/v1/time/sync",
        _ => true,
    }
}

fn parameters(operation: &Operation) -> impl Iterator<Item = &Parameter> {
    let all = operation.parameters.iter().flatten();
    all.filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    })
}

fn needed(access: Access) -> Option<(Role, bool)> {
    match access {
        Access::Open => None,
        Access::Configured(role) => Some((role, true)),
        Access::Needs(role) => Some((role, false)),
    }
}

/// Either way to show a token; the scopes name the role (OpenAPI 3.1 allows that for every scheme).
fn requirements(role: Role, optional: bool) -> Vec<SecurityRequirement> {
    let schemes = SCHEMES.iter().map(|scheme| SecurityRequirement::new(*scheme, [role.as_str()]));
    let none = optional.then(SecurityRequirement::default);
    none.into_iter().chain(schemes).collect()
}

/// Which failures an operation can answer.
fn statuses(operation: &Operation, line: &Line) -> Vec<u16> {
    let versioned = line.path == "/v1" || line.path.starts_with("/v1/");
    let guarded = needed(line.access).is_some();
    let has_body = operation.request_body.is_some();
    let names_one = line.path.contains('{') || line.path == "/v1/flush";
    let login = line.method == Method::POST && line.path == "/v1/auth/tokens";
    let token = line.path == "/v1/auth/tokens";
    let changes = line.method != Method::GET && guarded;
    let negotiates = line.path == "/metrics";
    let conditional = parameters(operation).any(|parameter| parameter.name == "If-Match");
    let plain = matches!(line.path, "/" | "/healthz" | "/openapi.json");
    let table: [(bool, &[u16]); 11] = [
        (!plain, &[400, 500, 503]),
        (guarded, &[401, 403, 429]),
        (login, &[401, 429]),
        (names_one || (token && !login), &[404]),
        (versioned || negotiates, &[406]),
        (has_body, &[408, 413, 415, 422]),
        (changes && !token, &[409, 422]),
        (token && line.method == Method::DELETE, &[409]),
        (posts(line), &[408, 413]),
        (changes, &[507]),
        (conditional, &[412, 428]),
    ];
    table.iter().filter(|(applies, _)| *applies).flat_map(|(_, statuses)| statuses.iter().copied()).collect()
}

fn problem(description: &str) -> Response {
    let schema = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content(PROBLEM_JSON, schema).build()
}
