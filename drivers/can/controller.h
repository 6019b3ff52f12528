/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The controller's state
 */
#ifndef VHOST_ACCEL_CAN_CONTROLLER_H
#define VHOST_ACCEL_CAN_CONTROLLER_H

#include <linux/types.h>

/**
 * enum vha_can_state - state of the controller
 * @VHA_CAN_STOPPED: takes no part in what happens on the bus
 * @VHA_CAN_STARTED: transmits and receives
 * @VHA_CAN_BUS_OFF: stopped, and not because the driver asked for it
 * @VHA_CAN_STATES: number of values
 */
enum vha_can_state {
	VHA_CAN_STOPPED,
	VHA_CAN_STARTED,
	VHA_CAN_BUS_OFF,
	VHA_CAN_STATES,
};

/**
 * enum vha_can_event - what changes the state
 * @VHA_CAN_START: the driver starts the controller
 * @VHA_CAN_STOP: the driver stops it
 * @VHA_CAN_LOST: the host's controller went off the bus, or its interface down
 * @VHA_CAN_RESET: the device is reset
 * @VHA_CAN_EVENTS: number of values
 */
enum vha_can_event {
	VHA_CAN_START,
	VHA_CAN_STOP,
	VHA_CAN_LOST,
	VHA_CAN_RESET,
	VHA_CAN_EVENTS,
};

/** define VHA_CAN_FLUSH - discard frames that were received before */
#define VHA_CAN_FLUSH	0x1
/** define VHA_CAN_CANCEL - report what waits for transmission as not transmitted */
#define VHA_CAN_CANCEL	0x2
/** define VHA_CAN_NOTIFY - tell the driver to look at the configuration space */
#define VHA_CAN_NOTIFY	0x4

/**
 * struct vha_can_controller - the controller
 * @state: its state; any context reads it
 * @resume: state to take when a driver's rings go on where they stood
 * @session: the driver's control queue was started since the last reset
 */
struct vha_can_controller {
	enum vha_can_state state;
	enum vha_can_state resume;
	bool session;
};

void vha_can_controller_init(struct vha_can_controller *controller);
u32 vha_can_controller_event(struct vha_can_controller *controller, enum vha_can_event event);
void vha_can_controller_reset(struct vha_can_controller *controller);
bool vha_can_controller_resume(struct vha_can_controller *controller, bool control, bool fresh);
u16 vha_can_controller_status(const struct vha_can_controller *controller);

#endif /* VHOST_ACCEL_CAN_CONTROLLER_H */
