//! The value cache as a whole.

use super::Desk;
use crate::cli::output::{Cache as Wish, Remove};
use crate::failure::Failure;
use crate::figures;
use crate::output::Human;
use gatherd_client::types::{Cache, CacheHistory};
use gatherd_client::{Client, ValueFilter};

impl Desk<'_> {
    pub(super) async fn cache(&mut self, client: &Client, wish: Wish) -> Result<(), Failure> {
        match wish {
            Wish::Show => {
                let cache = client.cache().await?;
                Ok(self.output.one(&cache, |cache| Human::Sheet(sheet(cache)))?)
            }
            Wish::Remove(remove) => self.remove(client, &remove).await,
        }
    }

    async fn remove(&mut self, client: &Client, wish: &Remove) -> Result<(), Failure> {
        let filter = wish.series.filter();
        let is_filtered = filter != ValueFilter::default();
        let removed = match &wish.identifier {
            Some(identifier) if !is_filtered => client.remove_value(identifier).await?,
            None if is_filtered != wish.all => client.remove_values(&filter).await?,
            Some(_) | None => return Err(Failure::NotOneChoice),
        };
        Ok(self
            .output
            .one(&removed, |done| Human::Line(format!("{} series left the cache", done.removed)))?)
    }
}

fn sheet(cache: &Cache) -> Vec<(&'static str, String)> {
    let Cache {
        series,
        capacity,
        limit,
        memory_bytes,
        updates,
        rebased,
        drops,
        expired,
        removed,
        hits,
        misses,
        contended,
        history,
    } = cache;
    let CacheHistory { series: remembered, bytes, limit: most, refused } = history;
    let drops = drops.iter().map(|(reason, count)| (reason.as_str(), count.to_string()));
    vec![
        ("series", format!("{series} of at most {limit}, memory for {capacity}")),
        ("memory", format!("{memory_bytes} bytes")),
        ("updates", updates.to_string()),
        ("rebased", rebased.to_string()),
        ("drops", figures::pairs(drops)),
        ("expired", expired.to_string()),
        ("removed", removed.to_string()),
        ("hits", hits.to_string()),
        ("misses", misses.to_string()),
        ("contended", contended.to_string()),
        ("history", format!("{remembered} series, {bytes} of at most {most} bytes, refused {refused}")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::Paper;
    use crate::table;
    use std::collections::BTreeMap;

    #[test]
    fn the_cache_is_a_sheet() {
        let cache = Cache {
            series: 5,
            capacity: 64,
            limit: 1_000,
            memory_bytes: 4_096,
            updates: 7,
            rebased: 0,
            drops: BTreeMap::from([("too_old".to_owned(), 3)]),
            expired: 1,
            removed: 2,
            hits: 8,
            misses: 9,
            contended: 0,
            history: CacheHistory { series: 3, bytes: 500, limit: 600, refused: 1 },
        };
        let text = table::sheet(&sheet(&cache), Paper::PLAIN);
        assert!(text.starts_with("series     5 of at most 1000, memory for 64\n"), "{text}");
        assert!(text.contains("drops      too_old=3\n"), "{text}");
        assert!(text.contains("history    3 series, 500 of at most 600 bytes, refused 1\n"), "{text}");
    }
}
