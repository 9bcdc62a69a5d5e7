// Convolutions with output channels as lanes:
//
//     y[m, pixel] = bias[m] + sum over (u, v, c) of  w[m, c, u, v] * x[c, pixel under (u, v)]
//
// where (u, v) are the taps that meet the image. A step of a tile reads a number of each of its pixels, which
// are neighbours in a row or a column of y or have the same place in images that follow each other, where the
// image has it: nothing is gathered or sorted, whatever the stride, and no tap meets the zeros around the
// image. In exchange the sums have to be turned to lie as y does, and lanes beyond the last output channel
// are lost.
//
//   for each task: some rows of an image or of some images, a group, a panel of its output channels
//   (parallel)
//     for each block of steps, for each rectangle of pixels with the same taps, for each tile: its sums
//     writes them
#pragma once

#include "conv2d/feature_panels.h"
#include "conv2d/feature_tile.h"
#include "conv2d/plan.h"
#include "conv2d/tap_span.h"
#include "elementwise/turned_copy.h"
#include "gemm/blocked.h"

namespace pydl::PYDL_ISA {

// Sums of `rows` rows of an image from row `top` on, those of a pixel for `features` output channels from one
// on, which is counted over all groups.
template <typename T>
struct FeatureBlock {
    int64_t image, feature, features, top, rows;
    const T* sums;
};
template <typename T>
using WriteFeatures = void (*)(const void* self, const FeatureBlock<T>& block);

template <typename T>
class FeatureLanes {
    static constexpr int64_t W = width<T>, L = most_feature_vectors<T> * W;
    // Pixels of a task, whose sums stay in the first-level cache.
    static constexpr int64_t task_pixels = 256;

  public:
    static constexpr int64_t pitch = L;         // from one pixel's sums to the next
    static constexpr int64_t most_line = 4096;  // outputs of a row, all of which a task has

    explicit FeatureLanes(const Correlation<T>& conv)
        : conv_(conv),
          rows_(conv.rows),
          columns_(conv.columns),
          along_(best_direction(conv, rows_, columns_)),
          step_(conv.channels * conv.taps()),
          place_(conv.channels * conv.taps()),
          panels_(conv, list_steps()),
          images_(conv.x.shape[0], along_ == image ? most_feature_rows<T>(2) : 1),
          blocks_(conv.rows.outputs, rows_of_task()),
          chunks_(panels_.panels.count, panels_of_task()) {}

    static bool can_do(const Correlation<T>& conv) {
        return conv.x.slices == 1 && conv.x.taps == 1 && conv.y.slices == 1 &&
               conv.columns.outputs <= most_line;
    }
    // What tiles cost, in cycles of a processor that does two multiply-adds in one.
    static double cost(const Correlation<T>& conv) {
        const TapSegments rows(conv.rows), columns(conv.columns);
        return cost(conv, rows, columns, best_direction(conv, rows, columns));
    }

    // Adds up blocks of y and gives each to write(self, block).
    void run(const void* self, WriteFeatures<T> write) const {
        const int64_t J = conv_.columns.outputs;
        const int64_t tasks = images_.count * blocks_.count * conv_.groups * chunks_.count;
        const int64_t size = images_.size * blocks_.size * J * L;
        const int64_t work = size * chunks_.size * conv_.channels * conv_.taps();
        parallel_for(tasks, 1 + GemmBlocks<T>::thread_work / (work + 1), [&](int64_t begin, int64_t end) {
            const Scratch<T> sums(size * chunks_.size);
            const Scratch<Steps> runs(conv_.rows.taps);
            for (int64_t t = begin; t < end; t++) {
                const int64_t block = t % blocks_.count, part = t / blocks_.count % images_.count;
                const int64_t chunk = t / blocks_.count / images_.count % chunks_.count,
                              group = t / blocks_.count / images_.count / chunks_.count;
                const int64_t panel = chunks_.begin(chunk),
                              panels = chunks_.length(chunk, panels_.panels.count);
                const int64_t n = images_.begin(part), images = images_.length(part, conv_.x.shape[0]);
                const int64_t top = blocks_.begin(block), rows = blocks_.length(block, conv_.rows.outputs);
                add_up({{n, top, 0}, {n + images, top + rows, J}}, group, {panel, panels, size}, sums.data(),
                       runs.data());
                for (int64_t p = panel; p < panel + panels; p++)
                    for (int64_t k = 0; k < images; k++)
                        write(self, {n + k, group * conv_.features + panels_.panels.begin(p),
                                     panels_.panels.length(p, conv_.features), top, rows,
                                     sums.data() + (p - panel) * size + k * rows * J * L});
            }
        });
    }
    void run() const {
        run(this, [](const void* self, const FeatureBlock<T>& block) {
            static_cast<const FeatureLanes*>(self)->write(block);
        });
    }

    // Whether no weight that is left out would have made a sum something else.
    bool is_exact() const { return meets_all(conv_, rows_, columns_) || panels_.are_finite(); }

  private:
    void write(const FeatureBlock<T>& block) const {
        const Images<T>& y = conv_.y;
        const int64_t J = conv_.columns.outputs;
        T* to = y.at(block.image, block.feature) + block.top * y.stride[2];
        const bool flat = y.stride[2] == J || block.rows == 1;
        const int64_t runs = flat ? 1 : block.rows, length = flat ? block.rows * J : J;
        for (int64_t r = 0; r < runs; r++, to += y.stride[2]) {
            const T* sums = block.sums + r * J * L;
            if (y.stride[3] == 1 || J == 1)
                turn(sums, L, to, y.stride[1], block.features, length);
            else
                for (int64_t p = 0; p < length; p++)
                    for (int64_t f = 0; f < block.features; f++)
                        to[f * y.stride[1] + p * y.stride[3]] = sums[p * L + f];
        }
    }
    static bool meets_all(const Correlation<T>& conv, const TapSegments& rows, const TapSegments& columns) {
        return rows.met() == conv.rows.taps * conv.rows.outputs &&
               columns.met() == conv.columns.taps * conv.columns.outputs;
    }
    // From one row or column of the image to the next; of a single one, the stride of its array may be
    // anything.
    static int64_t x_row(const Correlation<T>& conv) { return conv.rows.source > 1 ? conv.x.stride[2] : 0; }
    static int64_t x_column(const Correlation<T>& conv) {
        return conv.columns.source > 1 ? conv.x.stride[3] : 0;
    }

    enum Direction { image, row, column };
    // Pixels [begin, end) along each direction.
    struct Box {
        int64_t begin[3], end[3];
    };

    // Along which direction tiles cost the least.
    static Direction best_direction(const Correlation<T>& conv, const TapSegments& rows,
                                    const TapSegments& columns) {
        const double of_image = cost(conv, rows, columns, image), of_row = cost(conv, rows, columns, row),
                     of_column = cost(conv, rows, columns, column);
        const bool fits = conv.rows.outputs * conv.columns.outputs <= most_line;  // a task has all rows then
        const double upright = fits ? of_row : 2 * of_column;
        if (of_image < upright && of_image < of_column) return image;
        return upright < of_column ? row : column;
    }
    // The same of tiles in this direction.
    static double cost(const Correlation<T>& conv, const TapSegments& rows, const TapSegments& columns,
                       Direction along) {
        const double N = double(conv.x.shape[0]);
        const auto of_segments = [&](const TapSegments& segments, int64_t distance) {
            double sum = 0;
            for (int64_t s = 0; s < segments.count(); s++)
                sum += tile_cost(conv, segments[s].end - segments[s].begin, distance) *
                       double(segments[s].last_tap - segments[s].first_tap);
            return sum;
        };
        const double vectors = double((conv.features - 1) / W + 1) * double(conv.channels * conv.groups);
        if (along == image)
            return vectors * tile_cost(conv, conv.x.shape[0], conv.x.stride[0]) * double(rows.met()) *
                   double(columns.met());
        if (along == row)
            return vectors * of_segments(rows, x_row(conv) * conv.rows.stride) * double(columns.met()) * N;
        return vectors * of_segments(columns, x_column(conv) * conv.columns.stride) * double(rows.met()) * N;
    }
    // Of a step, for each vector of output channels: multiply-adds, or waiting for the sums of too few
    // pixels, and lines that come from beyond the first-level cache: from far if images are large, or if
    // those of a step collide in it.
    static double tile_cost(const Correlation<T>& conv, int64_t pixels, int64_t distance) {
        const int64_t vectors = conv.features > W ? 2 : 1, most = most_feature_rows<T>(int(vectors));
        const int64_t tiles = (pixels - 1) / most + 1;
        const double own = double(pixels * vectors) / 2, least = 4.0 * double(tiles);
        const double line = 64.0 / double(sizeof(T)),
                     apart = distance < 0 ? -double(distance) : double(distance);
        // Channels whose lines meet in a few places of the first-level cache lose them before the next tile.
        const int64_t channel = conv.x.stride[1] * int64_t(sizeof(T)) / 64,
                      places = 64 / (channel % 64 == 0 ? 64 : channel & -channel);
        const bool lost = conv.x.stride[1] * int64_t(sizeof(T)) % 64 == 0 && conv.channels > 8 * places;
        const double lines = double(pixels) * (apart < line ? apart / line : 1) + double(lost);
        const bool large = conv.channels * conv.x.shape[2] * conv.x.shape[3] *
                               (distance == conv.x.stride[0] ? most : 1) >
                           131072,
                   collide = distance % 256 == 0;
        const double of_line = lost ? 6 : large || collide ? 0.75 : 0.25;
        return ((own < least ? least : own) + 0.5 * double(tiles) + of_line * lines) / double(vectors);
    }
    int64_t rows_of_task() const {
        const int64_t I = conv_.rows.outputs, J = conv_.columns.outputs;
        const int64_t all = conv_.x.shape[0] * conv_.groups * panels_.panels.count * I * J,
                      share = all / tasks_wanted() + 1, most = share < task_pixels ? share : task_pixels;
        // Few pixels are slow, but not as slow as a thread without any.
        const int64_t others = images_.count * conv_.groups * panels_.panels.count,
                      even = (I - 1) / ((num_threads() - 1) / others + 1) + 1;
        const int64_t rows = most / (images_.size * J), enough = along_ == image ? 48 / J : 1,
                      least = enough < even ? enough : even;
        return along_ == row ? I : rows < least ? least : rows < 1 ? 1 : rows;
    }

    // Panels of output channels that share what they read of images too large to stay in the second-level
    // cache until the next panel.
    int64_t panels_of_task() const {
        const int64_t read = conv_.channels * (blocks_.size * conv_.rows.stride + conv_.rows.taps - 1) *
                             conv_.columns.source * images_.size;
        if (read * int64_t(sizeof(T)) < 2 * GemmBlocks<T>::group_bytes) return 1;
        const int64_t most =
            panels_.panels.count * images_.count * blocks_.count * conv_.groups / tasks_wanted();
        return most < 1 ? 1 : most > 8 ? 8 : most;
    }

    // Steps of a block, whose weights stay in the first-level cache; and the pixels too, where each has a
    // line of its own, which the next tile reads.
    int64_t block_steps() const { return (along_ == column ? 16384 : 6144) / (L * int64_t(sizeof(T))); }

    // The order of steps: as in memory if all taps of all outputs meet the image, else so that those of
    // neighbouring column taps are one run.
    const int64_t* list_steps() const {
        const int64_t U = conv_.rows.taps, V = conv_.columns.taps, C = conv_.channels;
        const int64_t row_step = conv_.rows.dilation * x_row(conv_),
                      column_step = conv_.columns.dilation * x_column(conv_);
        const bool whole = meets_all(conv_, rows_, columns_);
        for (int64_t t = 0; t < U * V; t++)
            for (int64_t c = 0; c < C; c++) {
                const int64_t k = whole ? c * U * V + t : t * C + c;
                step_[t * C + c] = k;
                place_[k] = conv_.x.at(0, c) - conv_.x.at(0, 0) + t / V * row_step + t % V * column_step;
            }
        return step_.data();
    }

    // Panels, and how far apart their sums are.
    struct Chunk {
        int64_t first, count, pitch;
    };
    void add_up(const Box& task, int64_t group, const Chunk& chunk, T* sums, Steps* runs) const {
        const Axis &rows = conv_.rows, &columns = conv_.columns;
        const int64_t J = columns.outputs, depth = conv_.channels * conv_.taps(), steps = block_steps();
        const int64_t x_step[3] = {conv_.x.stride[0], rows.stride * x_row(conv_),
                                   columns.stride * x_column(conv_)},
                      y_step[3] = {(task.end[row] - task.begin[row]) * J * L, J * L, L};
        FeatureTile<T> tile;
        tile.pixel = x_step[along_], tile.y_pixel = y_step[along_];
        tile.place = place_.data();
        tile.runs = runs;
        const T* corner = conv_.x.at(0, group * conv_.channels) + rows.origin * x_row(conv_) +
                          columns.origin * x_column(conv_);
        const int outer = along_ == image ? row : image, inner = along_ == column ? row : column;
        int64_t block = 0;
        do {
            for (int64_t r = 0; r < rows_.count(); r++)
                for (int64_t s = 0; s < columns_.count(); s++) {
                    const TapSegment &u = rows_[r], &v = columns_[s];
                    const Box box = {
                        {task.begin[image], u.begin > task.begin[row] ? u.begin : task.begin[row], v.begin},
                        {task.end[image], u.end < task.end[row] ? u.end : task.end[row], v.end}};
                    if (box.begin[row] >= box.end[row]) continue;
                    const Steps own = {block, block + steps};
                    tile.run_count = list_runs(runs, u, v, own);
                    if (tile.run_count == 0 && block > 0) continue;
                    for (int64_t p = 0; p < chunk.count; p++) {
                        const int64_t panel = chunk.first + p, vectors = panels_.vectors(panel);
                        tile.weights = panels_.weights(group, panel);
                        const RowPanels tiles(box.end[along_] - box.begin[along_],
                                              most_feature_rows<T>(int(vectors)));
                        for (int64_t i = box.begin[outer]; i < box.end[outer]; i++)
                            for (int64_t j = box.begin[inner]; j < box.end[inner]; j++)
                                for (int64_t t = 0; t < tiles.count; t++) {
                                    const int64_t k = box.begin[along_] + tiles.begin(t);
                                    tile.x =
                                        corner + i * x_step[outer] + j * x_step[inner] + k * x_step[along_];
                                    tile.y = sums + p * chunk.pitch +
                                             (i - task.begin[outer]) * y_step[outer] +
                                             (j - task.begin[inner]) * y_step[inner] +
                                             (k - task.begin[along_]) * y_step[along_];
                                    tile.start = block == 0 ? panels_.bias(group, panel) : tile.y;
                                    tile.start_pixel = block == 0 ? 0 : tile.y_pixel;
                                    run_feature_tile<T>(tile, tiles.rows(t), vectors);
                                }
                    }
                }
            block += steps;
        } while (block < depth);
    }
    // The steps of these taps, of those of a block.
    int64_t list_runs(Steps* runs, const TapSegment& u, const TapSegment& v, const Steps& block) const {
        const int64_t V = conv_.columns.taps, C = conv_.channels;
        int64_t count = 0;
        const auto add = [&](int64_t first, int64_t last) {
            const int64_t begin = first * C > block.begin ? first * C : block.begin,
                          end = last * C < block.end ? last * C : block.end;
            if (begin < end) runs[count++] = {begin, end};
        };
        if (v.first_tap == v.last_tap) return 0;
        if (v.first_tap == 0 && v.last_tap == V)
            add(u.first_tap * V, u.last_tap * V);
        else
            for (int64_t k = u.first_tap > block.begin / (V * C) ? u.first_tap : block.begin / (V * C);
                 k < u.last_tap && k * V * C < block.end; k++)
                add(k * V + v.first_tap, k * V + v.last_tap);
        return count;
    }

    const Correlation<T>& conv_;
    const TapSegments rows_, columns_;
    const Direction along_;
    Scratch<int64_t> step_, place_;
    const FeaturePanels<T> panels_;
    const Parts images_, blocks_;
    const Parts chunks_;  // of panels
};

}  // namespace pydl::PYDL_ISA
