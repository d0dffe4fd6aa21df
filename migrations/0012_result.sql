-- oldest_binary: 0.1.0
-- What an action did is told of a switch, too, whose last step failed.

COMMENT ON COLUMN esmigrate.index_action.result IS 'created, unchanged, recreated, altered_in_place, activated, already_active, writes_switched, rehearsed, dropped, cleared, pruned, folded, applied, indexing_resumed, skipped, or joined: worked at a full update that another action brings to its end; null for other actions and for failed ones, but for a switch that was carried out before indexing could not be resumed.';
