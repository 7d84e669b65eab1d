/* SPDX-License-Identifier: Apache-2.0 */
/* The version of the library that runs, which may be newer than the headers a plugin was built
 * against. */
#include <omnio/base.h>

#include "config.h"

const char *omn_version(void)
{
    return PACKAGE_VERSION;
}
