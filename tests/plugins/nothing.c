/* SPDX-License-Identifier: Apache-2.0 */
/* A shared library that is no plugin: it exports a function of its own and no descriptor. With
 * FUNCTION the name of the descriptor is that of a function. */
#ifdef FUNCTION
#define NAME omnio_plugin
#else
#define NAME something_else
#endif
int NAME(void);
__attribute__((visibility("default"))) int NAME(void)
{
    return 42;
}
