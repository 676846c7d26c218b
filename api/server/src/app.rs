//! One worker's application: the layers around the routes.

use crate::audit::Audit;
use crate::auth::{Foreign, PeerPolicy, Rights, Store, authenticate};
use crate::envelope::envelope;
use crate::management::Management;
use crate::operations::Operations;
use crate::replay::{Answers, replay};
use crate::routes;
use crate::settings::Settings;
use crate::streams::Streams;
use crate::tls::Tls;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App, Error, web};
use std::sync::Arc;

/// Those who wait, which a stop must end.
#[derive(Clone)]
pub(crate) struct Waiting {
    /// For events.
    pub(crate) streams: Arc<Streams>,
    /// For the end of work.
    pub(crate) operations: Arc<Operations>,
}

impl Waiting {
    /// Ends all streams, and lets nobody wait for an operation any more.
    pub(crate) fn stop(&self) {
        self.streams.stop();
        self.operations.hurry(true);
    }
}

/// What all workers share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shared {
    management: web::Data<dyn Management>,
    store: web::Data<Store>,
    settings: web::Data<Settings>,
    peers: web::Data<PeerPolicy>,
    answers: web::Data<Answers>,
    streams: web::Data<Streams>,
    operations: web::Data<Operations>,
    audit: web::Data<Audit>,
    rights: web::Data<Rights>,
    foreign: Option<web::Data<Foreign>>,
    tls: web::Data<Option<Tls>>,
}

impl Shared {
    pub(crate) fn new(
        management: Arc<dyn Management>,
        store: Store,
        settings: Settings,
        peers: PeerPolicy,
        answers: Answers,
        waiting: Waiting,
        audit: Audit,
    ) -> Self {
        Self {
            management: web::Data::from(management),
            store: web::Data::new(store),
            settings: web::Data::new(settings),
            peers: web::Data::new(peers),
            answers: web::Data::new(answers),
            streams: web::Data::from(waiting.streams),
            operations: web::Data::from(waiting.operations),
            audit: web::Data::new(audit),
            rights: web::Data::new(Rights::default()),
            foreign: None,
            tls: web::Data::new(None),
        }
    }

    /// With what a policy file says of routes.
    pub(crate) fn with_rights(mut self, rights: Rights) -> Self {
        self.rights = web::Data::new(rights);
        self
    }

    /// With tokens of an identity service beside the daemon's own.
    pub(crate) fn with_foreign(mut self, foreign: Option<Foreign>) -> Self {
        self.foreign = foreign.map(web::Data::new);
        self
    }

    /// The same, served over TLS.
    pub(crate) fn with_tls(self, tls: Option<Tls>) -> Self {
        Self { tls: web::Data::new(tls), ..self }
    }

    /// The application. Layers from the inside: answers by key, who asks, compression, envelope; the audit trail and slow
    /// work are around each route.
    pub(crate) fn app(
        self,
    ) -> App<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<impl MessageBody>,
            Error = Error,
            InitError = (),
        >,
    > {
        let Self { management, store, settings, peers, answers, streams, .. } = self;
        let (operations, audit, rights, foreign, tls) =
            (self.operations, self.audit, self.rights, self.foreign, self.tls);
        let app = match foreign {
            Some(foreign) => App::new().app_data(foreign),
            None => App::new(),
        };
        app.app_data(management)
            .app_data(store)
            .app_data(settings)
            .app_data(peers)
            .app_data(answers)
            .app_data(streams)
            .app_data(operations)
            .app_data(audit)
            .app_data(tls)
            .app_data(rights)
            .configure(routes::install)
            .wrap(from_fn(replay))
            .wrap(from_fn(authenticate))
            .wrap(Compress::default())
            .wrap(from_fn(envelope))
    }
}
