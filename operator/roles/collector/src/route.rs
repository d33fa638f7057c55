//! Paths to sources. Methods, bodies and who may send are for others to judge.

use hyper::Method;

use crate::names::WEBHOOK_SOURCE;

/// What is listening, for a sender who asked for something else.
pub(crate) const KNOWN_PATHS: &str = "/api/v1/events/webhook, /api/v1/sources/<name>, and behind it what clients of the \
                                      source's format append, such as /api/v2/alerts for alertmanager";

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route<'p> {
    /// The source's name; there may be none of it.
    pub(crate) source: &'p str,
    /// What stands behind it: nothing, or what clients of some formats append.
    pub(crate) appended: &'p str,
}

/// Why a method and a path lead nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRoute {
    /// The path is none of ours.
    Path,
    /// The path is, the method is neither POST nor PUT.
    Method,
}

/// Where a method and a path lead.
pub(crate) fn route<'p>(method: &Method, path: &'p str) -> Result<Route<'p>, NoRoute> {
    let route = match path.strip_prefix("/api/v1/") {
        Some("events/webhook") => Some(Route {
            source: WEBHOOK_SOURCE,
            appended: "",
        }),
        Some(rest) => rest.strip_prefix("sources/").and_then(source),
        None => None,
    };
    let route = route.ok_or(NoRoute::Path)?;
    // Grafana can be told to PUT; it means the same.
    if matches!(*method, Method::POST | Method::PUT) {
        Ok(route)
    } else {
        Err(NoRoute::Method)
    }
}

fn source(rest: &str) -> Option<Route<'_>> {
    let (source, appended) = rest.split_once('/').unwrap_or((rest, ""));
    let whole = source.len() + usize::from(!appended.is_empty()) + appended.len() == rest.len();
    (!source.is_empty() && whole).then_some(Route { source, appended })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_sources_by_name() {
        for (path, source, appended) in [
            ("/api/v1/events/webhook", "webhook", ""),
            ("/api/v1/sources/prometheus", "prometheus", ""),
            (
                "/api/v1/sources/prometheus/api/v2/alerts",
                "prometheus",
                "api/v2/alerts",
            ),
        ] {
            for method in [Method::POST, Method::PUT] {
                assert_eq!(route(&method, path), Ok(Route { source, appended }), "{path}");
            }
            assert_eq!(route(&Method::GET, path), Err(NoRoute::Method), "{path}");
        }
    }

    #[test]
    fn other_paths_lead_nowhere_whatever_the_method() {
        for path in [
            "/",
            "/api/v1/events/",
            "/api/v1/sources/",
            "/api/v1/sources/a/",
            "/api/v1/sources//b",
            "/api/v2/alerts",
        ] {
            assert_eq!(route(&Method::POST, path), Err(NoRoute::Path), "{path}");
            assert_eq!(route(&Method::GET, path), Err(NoRoute::Path), "{path}");
        }
    }
}
