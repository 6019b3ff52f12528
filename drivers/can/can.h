/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the CAN class offer each other
 */
#ifndef VHOST_ACCEL_CAN_CAN_H
#define VHOST_ACCEL_CAN_CAN_H

#include <linux/atomic.h>
#include <linux/hrtimer.h>
#include <linux/timer.h>

#include <vhost_accel/class.h>

#include "controller.h"
#include "fifo.h"
#include "flight.h"
#include "rate.h"
#include "socket.h"

/**
 * enum vha_can_index - the queues (virtio 1.4, CAN device, virtqueues)
 * @VHA_CAN_TX: frames to the bus
 * @VHA_CAN_RX: frames from the bus
 * @VHA_CAN_CONTROL: starting and stopping
 * @VHA_CAN_QUEUES: number of queues
 */
enum vha_can_index {
	VHA_CAN_TX,
	VHA_CAN_RX,
	VHA_CAN_CONTROL,
	VHA_CAN_QUEUES,
};

/**
 * enum vha_can_stat - counters of a queue
 * @VHA_CAN_MALFORMED: buffers without room for what belongs there
 * @VHA_CAN_TX_FRAMES: frames the interface took
 * @VHA_CAN_TX_CONFIRMED: of those, seen on the bus; with late confirmation
 * @VHA_CAN_TX_UNCONFIRMED: of those, given up because they were not
 * @VHA_CAN_TX_CANCELLED: of those, given up because the controller stopped
 * @VHA_CAN_TX_REJECTED: messages that are no frame the driver may send
 * @VHA_CAN_TX_STOPPED: messages that found the controller stopped
 * @VHA_CAN_TX_ERRORS: frames the interface refused for good
 * @VHA_CAN_TX_HELD: times a frame had to wait for the interface or for a limit
 * @VHA_CAN_TX_STRAYS: confirmations of frames that had been given up
 * @VHA_CAN_RX_FRAMES: frames the driver received
 * @VHA_CAN_RX_FILTERED: frames of a type the driver did not negotiate
 * @VHA_CAN_RX_SHORT: frames that did not fit into the driver's buffer
 * @VHA_CAN_RX_DROPPED: frames for which the driver had no buffer for too long
 * @VHA_CAN_RX_STALE: frames from before the controller was started
 * @VHA_CAN_RX_OVERRUNS: frames and confirmations that the socket had no room for
 * @VHA_CAN_ERROR_FRAMES: error frames of the host's controller
 * @VHA_CAN_STARTS: times the driver started the controller
 * @VHA_CAN_STOPS: times the driver stopped it
 * @VHA_CAN_BUS_OFFS: times it stopped by itself
 * @VHA_CAN_REFUSED: control messages that were unknown or failed
 * @VHA_CAN_STATS: number of values
 */
enum vha_can_stat {
	VHA_CAN_MALFORMED,
	VHA_CAN_TX_FRAMES,
	VHA_CAN_TX_CONFIRMED,
	VHA_CAN_TX_UNCONFIRMED,
	VHA_CAN_TX_CANCELLED,
	VHA_CAN_TX_REJECTED,
	VHA_CAN_TX_STOPPED,
	VHA_CAN_TX_ERRORS,
	VHA_CAN_TX_HELD,
	VHA_CAN_TX_STRAYS,
	VHA_CAN_RX_FRAMES,
	VHA_CAN_RX_FILTERED,
	VHA_CAN_RX_SHORT,
	VHA_CAN_RX_DROPPED,
	VHA_CAN_RX_STALE,
	VHA_CAN_RX_OVERRUNS,
	VHA_CAN_ERROR_FRAMES,
	VHA_CAN_STARTS,
	VHA_CAN_STOPS,
	VHA_CAN_BUS_OFFS,
	VHA_CAN_REFUSED,
	VHA_CAN_STATS,
};

/**
 * struct vha_can_answer - a message whose answer stands in the guest's memory
 * @token: for returning it
 * @len: bytes written into it
 */
struct vha_can_answer {
	struct vha_token token;
	u32 len;
};

/**
 * struct vha_can - a CAN controller
 *
 * Locks of its own come after those of "DOC: Locking": a queue's mutex, then
 * @read_mutex, then @lock.
 *
 * @dev: the device; its mutex protects what is not described otherwise
 * @socket: the backing object; changes only while no queue runs
 * @params: as set by the VMM; mutex of the transmit queue as well
 * @rate: limit of frames to the bus; mutex of the transmit queue
 * @running: started queues
 * @lock: protects what follows
 * @controller: its state
 * @flight: frames that wait for confirmation
 * @fifo: frames that wait for buffers of the driver
 * @answering: messages of the driver are being answered
 * @lost: meanwhile the controller was lost, of which the driver hears after them
 * @cancelling: what waits for transmission is being reported as not transmitted
 * @stopping: the driver's stop message is returned after that
 * @stop_answer: what is needed to return it
 * @read_mutex: held by whoever reads the socket
 * @drops: what the socket said last about frames it had no room for; @read_mutex
 * @read_work: reads the socket; served by the receive queue's worker
 * @finish_work: returns messages whose result is known; by the transmit queue's
 * @held: the transmit queue waits for something that is no buffer
 * @retry: ends the wait
 * @confirm: looks after frames that are not confirmed
 */
struct vha_can {
	struct vha_device dev;
	struct vha_can_socket socket;
	struct vha_can_params params;
	struct vha_can_rate rate;
	unsigned int running;

	spinlock_t lock; /* see above */
	struct vha_can_controller controller;
	struct vha_can_flight flight;
	struct vha_can_fifo fifo;
	bool answering;
	bool lost;
	bool cancelling;
	bool stopping;
	struct vha_can_answer stop_answer;

	struct mutex read_mutex; /* see above */
	int drops;
	struct vha_work read_work;
	struct vha_work finish_work;
	bool held;
	struct hrtimer retry;
	struct timer_list confirm;
};

static inline struct vha_can *to_can(struct vha_device *dev)
{
	return container_of(dev, struct vha_can, dev);
}

/**
 * struct vha_can_queue - a virtqueue of a controller
 * @vq: the queue
 * @count: counters; any context adds
 */
struct vha_can_queue {
	struct vha_queue vq;
	atomic64_t count[VHA_CAN_STATS];
};

static inline struct vha_queue *can_queue(struct vha_can *can, enum vha_can_index index)
{
	return can->dev.vqs[index];
}

static inline void vha_can_count(struct vha_queue *vq, enum vha_can_stat stat, u64 value)
{
	atomic64_add(value, &container_of(vq, struct vha_can_queue, vq)->count[stat]);
}

static inline bool vha_can_started(const struct vha_can *can)
{
	return READ_ONCE(can->controller.state) == VHA_CAN_STARTED;
}

/* device.c */

int vha_can_open(struct vha_device *dev);
void vha_can_release(struct vha_device *dev);
void vha_can_features(struct vha_device *dev, u64 *features);
int vha_can_acked(struct vha_device *dev);
int vha_can_set_backend(struct vha_device *dev, const struct vha_backend *backend,
			struct file *file);
int vha_can_start(struct vha_queue *vq);
void vha_can_stop(struct vha_queue *vq);
void vha_can_run(struct vha_queue *vq);
void vha_can_get_config(struct vha_device *dev, void *config);
void vha_can_show(struct vha_device *dev, struct seq_file *m);

/* params.c */

#define VHA_CAN_IOCTLS	1
extern const struct vha_ioctl vha_can_ioctls[VHA_CAN_IOCTLS];
u32 vha_can_in_flight(const struct vha_can *can);
u32 vha_can_confirm_ms(const struct vha_can *can);

/* control.c */

void vha_can_control_run(struct vha_queue *vq);
void vha_can_lost(struct vha_can *can);

/* finish.c */

u32 vha_can_answer(struct vha_queue *vq, struct vha_cursor cursor, u8 result);
void vha_can_return(struct vha_queue *vq, const struct vha_token *token,
		    struct vha_cursor cursor, u8 result);
void vha_can_finish(struct vha_can *can);
void vha_can_finish_work(struct vha_work *work);
void vha_can_confirm_timer(struct timer_list *timer);

/* transmit.c */

void vha_can_transmit_run(struct vha_queue *vq);
enum hrtimer_restart vha_can_retry_timer(struct hrtimer *timer);

/* receive.c */

void vha_can_receive_run(struct vha_queue *vq);
bool vha_can_read(struct vha_can *can);
void vha_can_read_work(struct vha_work *work);
bool vha_can_poll(struct vha_queue *vq);
int vha_can_flush(struct vha_can *can, u32 queued);
void vha_can_wake(struct vha_can_socket *socket, __poll_t events);

/* stats.c */

extern const struct vha_stat_desc vha_can_stat_descs[VHA_CAN_STATS];
void vha_can_queue_stats(struct vha_queue *vq, u64 *values);

#endif /* VHOST_ACCEL_CAN_CAN_H */
