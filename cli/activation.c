#include "base/cleanup.h"
#include "base/memory.h"
#include "command.h"

/* What the engine would delete is confirmed as a drop is. */
static int confirm_replacement(struct session *session, const struct targets *targets,
                               struct error *err)
{
    _cleanup_(report_release) struct report plan = {};
    const struct settings *settings = &session->context.settings;
    if (option_given(&session->options, OPT_YES) || settings->dry_run)
        return 0;
    for (size_t i = 0; i < targets->count; i++) {
        struct report_item *item = report_add(&plan, "activate", targets->list[i].name);
        item->index = x_printf("%s%s", settings->prefix, targets->list[i].name);
    }
    return session_confirm(session, &plan, "delete, and put the alias in its place", err);
}

int session_activation(struct session *session, const struct targets *targets,
                       struct activation_request *ret_request, struct error *err)
{
    const struct options *options = &session->options;
    bool reads = option_given(options, OPT_READS_ONLY);
    bool writes = option_given(options, OPT_WRITES_ONLY);
    bool timeout = option_given(options, OPT_HOOK_TIMEOUT);
    *ret_request = (struct activation_request){
        .force = option_given(options, OPT_FORCE),
        .no_update = option_given(options, OPT_NO_UPDATE),
        .no_verify = option_given(options, OPT_NO_VERIFY),
        .allow_stale = option_given(options, OPT_ALLOW_STALE),
        .allowed_rejected = option_number(options, OPT_ALLOW_REJECTED, 0),
        .hooks =
            {
                .stop = option_text(options, OPT_STOP_INDEXING),
                .resume = option_text(options, OPT_RESUME_INDEXING),
                .timeout_s = timeout ? (int)option_number(options, OPT_HOOK_TIMEOUT, 0) : 0,
            },
        .part = reads    ? SWITCH_READS
                : writes ? SWITCH_WRITES
                         : SWITCH_ALL,
        .replace_index = option_given(options, OPT_REPLACE_INDEX),
        .take_alias = option_given(options, OPT_TAKE_ALIAS),
        .rehearse = option_given(options, OPT_REHEARSE),
    };
    if (reads && writes)
        return error_set(err, ERR_USAGE, "--reads-only and --writes-only exclude each other");
    if (writes && ret_request->replace_index)
        return error_set(err, ERR_USAGE, "--writes-only and --replace-index exclude each other");
    if (ret_request->replace_index && option_given(options, OPT_ALL)) {
        error_set(err, ERR_USAGE, "--all and --replace-index exclude each other");
        return error_hint(err, "Name those whose index is to be deleted.");
    }
    if (ret_request->replace_index)
        return confirm_replacement(session, targets, err);
    return 0;
}
