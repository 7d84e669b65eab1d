/* SPDX-License-Identifier: Apache-2.0 */
/* The same answer in any company, for devices: what an item becomes has the same bits alone and in
 * a batch, at every slot, for every number of threads and every length that is rounded up. */
#ifndef OMNIO_TESTS_CONFORM_COMPANY_H
#define OMNIO_TESTS_CONFORM_COMPANY_H

/* plugins: a folder of plugins; device: "cpu", "opencl:0". most: the largest batch that is tried.
 * */
void company_of_items(const char *plugins, const char *device, int most);
void company_of_queries(const char *plugins, const char *device, int most);
void company_of_gaps(const char *plugins, const char *device);

#endif
