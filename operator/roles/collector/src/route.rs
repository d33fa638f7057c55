//! Paths to sources. Methods, bodies and who may send are for others to judge.

use hyper::Method;

use crate::config::WEBHOOK_SOURCE;

/// What is listening, for a sender who asked for something else.
pub(crate) const KNOWN_PATHS: &str = "/api/v1/events/webhook, /api/v1/sources/<name> and, for a source of format \
                                      alertmanager, /api/v1/sources/<name>/api/v2/alerts";

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route<'p> {
    /// The source's name; there may be none of it.
    pub(crate) source: &'p str,
    /// The door to it.
    pub(crate) door: Door,
}

/// By which of a source's paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// Its own path.
    Own,
    /// The path that Prometheus appends to what it is told of an Alertmanager.
    AlertsApi,
}

/// Why a method and a path lead nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRoute {
    /// The path is none of ours.
    Path,
    /// The path is, the method is not POST.
    Method,
}

/// Where a method and a path lead.
pub(crate) fn route<'p>(method: &Method, path: &'p str) -> Result<Route<'p>, NoRoute> {
    let route = match path.strip_prefix("/api/v1/") {
        Some("events/webhook") => Some(Route {
            source: WEBHOOK_SOURCE,
            door: Door::Own,
        }),
        Some(rest) => rest.strip_prefix("sources/").and_then(source),
        None => None,
    };
    let route = route.ok_or(NoRoute::Path)?;
    if method == Method::POST {
        Ok(route)
    } else {
        Err(NoRoute::Method)
    }
}

fn source(rest: &str) -> Option<Route<'_>> {
    let route = match rest.strip_suffix("/api/v2/alerts") {
        Some(source) => Route {
            source,
            door: Door::AlertsApi,
        },
        None => Route {
            source: rest,
            door: Door::Own,
        },
    };
    (!route.source.is_empty() && !route.source.contains('/')).then_some(route)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_sources_by_name() {
        for (path, source, door) in [
            ("/api/v1/events/webhook", "webhook", Door::Own),
            ("/api/v1/sources/prometheus", "prometheus", Door::Own),
            (
                "/api/v1/sources/prometheus/api/v2/alerts",
                "prometheus",
                Door::AlertsApi,
            ),
        ] {
            assert_eq!(route(&Method::POST, path), Ok(Route { source, door }), "{path}");
            assert_eq!(route(&Method::PUT, path), Err(NoRoute::Method), "{path}");
        }
    }

    #[test]
    fn other_paths_lead_nowhere_whatever_the_method() {
        for path in [
            "/",
            "/api/v1/events/",
            "/api/v1/sources/",
            "/api/v1/sources/a/b",
            "/api/v2/alerts",
        ] {
            assert_eq!(route(&Method::POST, path), Err(NoRoute::Path), "{path}");
            assert_eq!(route(&Method::GET, path), Err(NoRoute::Path), "{path}");
        }
    }
}
