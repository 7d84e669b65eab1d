/* SPDX-License-Identifier: Apache-2.0 */
/* A library that a plugin links and that is not there when the plugin is loaded: the tests copy the
 * plugin away from it. */
int omn_test_gone(int x);
__attribute__((visibility("default"))) int omn_test_gone(int x)
{
    return x + 1;
}
