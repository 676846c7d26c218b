//! One worker's application: the layers around the routes.

use crate::audit::{Audit, audit};
use crate::auth::{Foreign, PeerPolicy, Rights, Store, authenticate};
use crate::envelope::envelope;
use crate::management::Management;
use crate::replay::{Answers, replay};
use crate::routes;
use crate::settings::Settings;
use crate::streams::Streams;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App, Error, web};
use std::sync::Arc;

/// What all workers share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shared {
    management: web::Data<dyn Management>,
    store: web::Data<Store>,
    settings: web::Data<Settings>,
    peers: web::Data<PeerPolicy>,
    answers: web::Data<Answers>,
    streams: web::Data<Streams>,
    audit: web::Data<Audit>,
    rights: web::Data<Rights>,
    foreign: Option<web::Data<Foreign>>,
}

impl Shared {
    pub(crate) fn new(
        management: Arc<dyn Management>,
        store: Store,
        settings: Settings,
        peers: PeerPolicy,
        answers: Answers,
        streams: Arc<Streams>,
        audit: Audit,
    ) -> Self {
        Self {
            management: web::Data::from(management),
            store: web::Data::new(store),
            settings: web::Data::new(settings),
            peers: web::Data::new(peers),
            answers: web::Data::new(answers),
            streams: web::Data::from(streams),
            audit: web::Data::new(audit),
            rights: web::Data::new(Rights::default()),
            foreign: None,
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

    /// The application. Layers from the inside: audit, answers by key, who asks, compression, envelope.
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
        let Self { management, store, settings, peers, answers, streams, audit: trail, rights, foreign } =
            self;
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
            .app_data(trail)
            .app_data(rights)
            .configure(routes::install)
            .wrap(from_fn(audit))
            .wrap(from_fn(replay))
            .wrap(from_fn(authenticate))
            .wrap(Compress::default())
            .wrap(from_fn(envelope))
    }
}
