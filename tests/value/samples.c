/* SPDX-License-Identifier: Apache-2.0 */
/* One of each kind at least, with the corners that its columns have. */
#include "tests/value/samples.h"

const sample samples[] = {
    { "audio", "{\"samples\":[[0,0.5],[-1,0.25],[1,0]],\"rate\":2,\"start\":1}",
      "sound of 1.5 s, 2 channels, 2 Hz", 0 },
    { "audio", "{\"samples\":{\"type\":\"f32\",\"shape\":[0,1],\"base64\":\"\"},\"rate\":8000,"
               "\"start\":0}", "sound of 0 s, 1 channel, 8000 Hz", 0 },
    { "video", "{\"frames\":[{\"$kind\":\"image\",\"pixels\":{\"type\":\"u8\",\"shape\":[1,1,3],"
               "\"base64\":\"AQID\"}},{\"$kind\":\"image\",\"pixels\":{\"type\":\"u8\","
               "\"shape\":[1,1,1],\"base64\":\"AQ==\"}}],\"time\":[0.5,2]}",
      "video of 2 pictures, 0.5 s to 2 s", 2 },
    { "mask", "{\"labels\":[[0,1,-1],[1,1,0]],\"legend\":[null,\"cat\"]}", "mask 3 x 2: cat", 0 },
    { "mask", "{\"soft\":[[0,0.5],[1,0.25]]}", "soft mask 2 x 2", 0 },
    { "depth", "{\"depth\":[[1.5,null],[2,0.125]]}", "depth 2 x 2, 0.13 m to 2 m", 0 },
    { "depth", "{\"depth\":[[null]]}", "depth 1 x 1, nothing known", 0 },
    { "normals", "{\"normals\":[[[0,0,-1],[null,null,null]]]}", "normals 2 x 1", 0 },
    { "keypoints", "{\"point\":[[[1,2],[null,null]],[[3,4],[5,6.5]]],\"visible\":[[2,0],[1,2]],"
                   "\"joints\":[\"nose\",\"tail\"],\"skeleton\":[[0,1]],\"label\":[\"dog\",null]}",
      "dog: nose 1 2\nnose 3 4 (hidden), tail 5 6.5", 2 },
    { "polygons", "{\"rings\":[2,1],\"points\":[4,3,3],\"point\":[[0,0],[9,0],[9,9],[0,9],[1,1],"
                  "[2,1],[2,2],[5,5],[6,5],[6,6.25]],\"label\":[\"frame\",null],"
                  "\"score\":[1,null]}",
      "frame: 0,0 9,0 9,9 0,9; 1,1 2,1 2,2\n5,5 6,5 6,6.25", 2 },
    { "camera", "{\"focal\":[500,510],\"center\":[320,240],\"size\":[640,480],"
                "\"pose\":[[1,0,0,2],[0,0,1,3],[0,-1,0,4]]}",
      "camera 640 x 480, focal length 500 510 px, center 320 240, "
      "pose 1 0 0 2; 0 0 1 3; 0 -1 0 4", 0 },
    { "box3d", "{\"center\":[[0,1,5]],\"size\":[[1,2,3]],"
               "\"rotation\":[[[0,-1,0],[1,0,0],[0,0,1]]],\"label\":[\"car\"]}",
      "car: 0 1 5 m, 1 x 2 x 3 m, along 0 1 0, -1 0 0, 0 0 1", 1 },
    { "actions", "{\"action\":[[0.5,1],[0.25,0]],\"time\":[0,0.1],\"name\":[\"wheel\",\"gas\"],"
                 "\"unit\":[\"rad\",null],\"least\":[-1,null],\"most\":[1,1]}",
      "0 s: wheel 0.5 rad, gas 1\n0.1 s: wheel 0.25 rad, gas 0", 2 },
    { "grounded", "{\"text\":\"der B\xc3\xa4r sieht\",\"span\":[[4,8],[4,8]],"
                  "\"box\":[[1,2,3,4],[5,6,7,8]]}",
      "der B\xc3\xa4r sieht\nB\xc3\xa4r: 1 2 3 4\nB\xc3\xa4r: 5 6 7 8", 2 },
    { "options", "{\"text\":[\"yes\",\"no\"],\"score\":[0.9,null]}", "yes (0.9)\nno", 2 },
    { "interleaved", "{\"items\":[\"look\",{\"$kind\":\"image\",\"pixels\":{\"type\":\"u8\","
                     "\"shape\":[1,2,3],\"base64\":\"AQIDBAUG\"}},\"what is it?\"]}",
      "look [picture 2 x 1, RGB, 8 bit] what is it?", 3 },
    { "stream", "{\"of\":\"image\",\"count\":0,\"hash\":\"00112233445566778899aabbccddeeff\","
                "\"rate\":25,\"start\":0}", "stream of 0 image", 0 },
};
const size_t n_samples = sizeof(samples) / sizeof(samples[0]);
