/* What the controllers' storage holds beside what their apps refer to. */
#include "sim/checks/survey.h"

static bool is_missing(const struct cloud *cloud, const char *digest)
{
    return digest != NULL && blob_store_find(cloud->blobs, digest) == NULL;
}

static bool are_present(struct cloud *cloud, const struct machine *controller, struct text *ret_why)
{
    for (size_t i = 0; i < controller_view_app_count(controller); i++) {
        struct controller_app_view app;
        controller_view_app(controller, i, &app);
        bool lacks_droplet = app.is_live && is_missing(cloud, app.droplet);
        if (!lacks_droplet && !is_missing(cloud, app.package))
            continue;
        if (ret_why != NULL)
            text_addf(ret_why, "the %s of %s is not there", lacks_droplet ? "droplet" : "package", app.name);
        return false;
    }
    return true;
}

bool blobs_are_right(struct cloud *cloud, void *context, struct text *ret_why)
{
    (void)context;
    const struct machine *controller = cloud_knowing_controller(cloud);
    if (controller == NULL)
        return false;
    for (const struct blob *blob = cloud->blobs->blobs; blob != NULL; blob = blob->hh.next) {
        if (controller_view_needs_blob(controller, blob->digest))
            continue;
        if (ret_why != NULL)
            text_addf(ret_why, "no app refers to the blob %.8s of %zu bytes", blob->digest, blob->slice.size);
        return false;
    }
    return are_present(cloud, controller, ret_why);
}
