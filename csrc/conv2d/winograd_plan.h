// How a Winograd convolution (conv2d/winograd.h) is cut into tasks.
#pragma once

#include "conv2d/plan.h"
#include "conv2d/winograd_filters.h"

namespace pydl::PYDL_ISA {

template <typename T, typename Line>
struct WinogradPlan {
    using Rows = RowsOf<T, Line>;
    static constexpr int parts = Rows::parts * Line::parts, places = Rows::places * Line::places / parts;
    static constexpr int64_t NR = tile_columns<T>;
    static constexpr int64_t source_bytes = many_registers ? 1 << 20 : 320 << 10;
    // Of filters whose products with a panel of tiles stay in the second-level cache as well.
    static constexpr int64_t group_rows = places > 36 ? 28 : many_registers ? 56 : 48;

    int64_t images, tile_rows_of_image, tiles_of_row, tiles;
    Parts tasks;           // of the panels of tiles
    Parts row_groups;      // of the panels of filters, where there are few tiles
    int64_t pitch;         // from one place of a source panel to the next
    int64_t shared_tasks;  // of vectors of tiles, where there is a panel of them for few threads only, or 0

    WinogradPlan(const Correlation<T>& conv, const WinogradFilters<T, Line>& filters)
        : images(conv.x.shape[0]),
          tile_rows_of_image((tiled(conv.rows) + Rows::outputs - 1) / Rows::outputs),
          tiles_of_row((tiled(conv.columns) + Line::outputs - 1) / Line::outputs),
          tiles(conv.x.shape[0] * tile_rows_of_image * tiles_of_row),
          tasks((tiles + NR - 1) / NR, filters.is_late ? panels_of_late_task(conv) : panels_of_task(conv)),
          row_groups(filters.rows.count, panels_of_group(conv.groups, filters.rows.count)),
          // One line more than the channels need: places a power of two apart compete for the cache's sets.
          pitch(conv.channels * parts * NR + 64 / int64_t(sizeof(T))),
          shared_tasks(filters.is_late ? 0 : tasks_of_vectors(conv)) {}
    // Of tiles whose outputs overlap, a task has those of whole images, whose tiles have to fit a panel.
    //
    // Where tasks are few, they are as many for every thread, and nearly equal in vectors of tiles: whole
    // panels would leave one thread with more work than the others.
    int64_t task_count() const {
        const int64_t threads = num_threads(), few = 8 * threads;
        if constexpr (winograd_overlap<Line> > 0) {
            const int64_t most = tasks.size * NR / tiles_of_image(), count = (images - 1) / most + 1;
            const int64_t even = (count + threads - 1) / threads * threads;
            return even < images ? even : images;
        }
        if (tasks.count < threads) return tasks.count < shared_tasks ? shared_tasks : tasks.count;
        return tasks.count >= few ? tasks.count : (tasks.count + threads - 1) / threads * threads;
    }
    int64_t first_tile(int64_t task) const {
        if constexpr (winograd_overlap<Line> > 0) return task * images / task_count() * tiles_of_image();
        if (task_count() == tasks.count) return task < tasks.count ? tasks.begin(task) * NR : tiles;
        const int64_t vectors = whole_vectors<T>(tiles) / width<T>,
                      tile = task * vectors / task_count() * width<T>;
        return tile < tiles ? tile : tiles;
    }
    int64_t tiles_of_image() const { return tile_rows_of_image * tiles_of_row; }
    // Rows of tiles that a task touches at most.
    int64_t most_tile_rows() const { return (tasks.size * NR - 1) / tiles_of_row + 2; }

  private:
    static int64_t tiled(const Axis& axis) { return winograd_overlap<Line> > 0 ? axis.source : axis.outputs; }
    // Filters that are transformed when they are needed meet all tiles. With several threads, rather half of
    // them, if these are not so few that transforming filters twice takes longer, more so turned ones:
    // sources that each thread has for itself stay in a cache longer than all of them, which each would make.
    int64_t panels_of_late_task(const Correlation<T>& conv) const {
        const int64_t panels = (tiles + NR - 1) / NR, slow = conv.w_stride[3] < 0 ? 48 : 40;
        const bool halved = num_threads() > 1 && panels % 2 == 0 && tiles * 9 >= conv.taps() * slow;
        return halved ? panels / 2 : panels;
    }
    int64_t panels_of_task(const Correlation<T>& conv) const {
        const int64_t fits = source_bytes / (conv.channels * parts * NR * places * int64_t(sizeof(T)));
        const int64_t wanted = (conv.groups * ((tiles + NR - 1) / NR) - 1) / tasks_wanted() + 1;
        const int64_t most = fits < wanted ? fits : wanted;
        return most < 1 ? 1 : most;
    }
    // As many as are worth a thread, if neither groups nor features are shared.
    int64_t tasks_of_vectors(const Correlation<T>& conv) const {
        const int64_t vectors = whole_vectors<T>(tiles) / width<T>,
                      work = tiles * places * parts * conv.channels * (conv.features + 16),
                      worth = work / GemmBlocks<T>::thread_work, threads = num_threads();
        if (conv.groups * row_groups.count >= threads) return 0;
        const int64_t most = vectors < worth ? vectors : worth;
        return most < threads ? most : threads;
    }
    // Sources are transformed anew for each group, so that only many features are worth dividing; fewer,
    // where threads would have nothing to do.
    int64_t panels_of_group(int64_t conv_groups, int64_t panels) const {
        const int64_t together = tasks.count * conv_groups, features = panels * tile_rows<T>;
        const auto least = [](int64_t a, int64_t b) { return a < b ? a : b; };
        int64_t groups = least(tasks_wanted() / together, (features + 127) / 128);
        if (groups <= 1 && together < num_threads()) groups = least(num_threads() / together, features / 20);
        return groups > 1 ? (panels - 1) / groups + 1 : panels;
    }
};

}  // namespace pydl::PYDL_ISA
