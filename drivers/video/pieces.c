// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lists of guest memory, as they come with a command
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/overflow.h>

#include "user.h"

static bool follows(const struct vha_seg *seg, u64 start)
{
	return seg->addr + seg->len == start;
}

/**
 * vha_video_pieces_add() - add an entry of a list
 * @pieces: the pieces
 * @first: the first that is of the same plane
 * @sg: the entry, which is cut where the plane ends
 * @left: bytes the plane still lacks, not zero; updated
 *
 * Entries that follow each other in the guest's memory become one piece.
 *
 * Return: 0, -EINVAL for an entry without bytes or whose addresses wrap, -ENOMEM when
 * there is no room.
 */
int vha_video_pieces_add(struct vha_video_pieces *pieces, u32 first,
			 const struct vha_media_sg *sg, u32 *left)
{
	u32 len = min(le32_to_cpu(sg->len), *left);
	u64 start = le64_to_cpu(sg->start), end;

	if (!len || check_add_overflow(start, (u64)len, &end))
		return -EINVAL;
	if (pieces->entries++ == VHA_VIDEO_PIECES_MAX)
		return -ENOMEM;
	if (pieces->nr > first && follows(&pieces->segs[pieces->nr - 1], start)) {
		pieces->segs[pieces->nr - 1].len += len;
	} else {
		if (pieces->nr == pieces->max)
			return -ENOMEM;
		pieces->segs[pieces->nr++] = (struct vha_seg) { .addr = start, .len = len };
	}
	*left -= len;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vha_video_pieces_add);
