// SPDX-License-Identifier: GPL-2.0-only
/*
 * The controller's state, without side effects: what they must be is returned
 *
 * A virtual machine monitor that pauses a guest may reset the device and later
 * start its queues where they stood, without the driver knowing: then the state
 * has to be as before. A driver that was reset itself starts its rings anew.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/compiler.h>
#include <linux/virtio_can.h>

#include "controller.h"

/**
 * struct transition - what an event does in a state
 * @next: the state that follows
 * @actions: VHA_CAN_FLUSH, VHA_CAN_CANCEL, VHA_CAN_NOTIFY
 */
struct transition {
	enum vha_can_state next;
	u32 actions;
};

static const struct transition transitions[VHA_CAN_STATES][VHA_CAN_EVENTS] = {
	[VHA_CAN_STOPPED] = {
		[VHA_CAN_START] = { VHA_CAN_STARTED, VHA_CAN_FLUSH },
		[VHA_CAN_STOP] = { VHA_CAN_STOPPED, 0 },
		[VHA_CAN_LOST] = { VHA_CAN_STOPPED, 0 },
		[VHA_CAN_RESET] = { VHA_CAN_STOPPED, VHA_CAN_FLUSH },
	},
	[VHA_CAN_STARTED] = {
		[VHA_CAN_START] = { VHA_CAN_STARTED, 0 },
		[VHA_CAN_STOP] = { VHA_CAN_STOPPED, VHA_CAN_CANCEL },
		[VHA_CAN_LOST] = { VHA_CAN_BUS_OFF, VHA_CAN_CANCEL | VHA_CAN_NOTIFY },
		[VHA_CAN_RESET] = { VHA_CAN_STOPPED, VHA_CAN_FLUSH },
	},
	[VHA_CAN_BUS_OFF] = {
		[VHA_CAN_START] = { VHA_CAN_STARTED, VHA_CAN_FLUSH },
		[VHA_CAN_STOP] = { VHA_CAN_STOPPED, 0 },
		[VHA_CAN_LOST] = { VHA_CAN_BUS_OFF, 0 },
		[VHA_CAN_RESET] = { VHA_CAN_STOPPED, VHA_CAN_FLUSH },
	},
};

static void set_state(struct vha_can_controller *controller, enum vha_can_state state)
{
	/* Read without a lock by whoever moves frames. */
	WRITE_ONCE(controller->state, state);
}

/**
 * vha_can_controller_init() - a new controller
 * @controller: filled in
 *
 * Rings that go on where they stood before there was this device belong to a
 * driver that, most likely, started its controller.
 */
void vha_can_controller_init(struct vha_can_controller *controller)
{
	controller->state = VHA_CAN_STOPPED;
	controller->resume = VHA_CAN_STARTED;
	controller->session = false;
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_controller_init);

/**
 * vha_can_controller_event() - something happened
 * @controller: the controller
 * @event: what
 *
 * Return: what the caller has to do now, VHA_CAN_FLUSH and others.
 */
u32 vha_can_controller_event(struct vha_can_controller *controller, enum vha_can_event event)
{
	const struct transition *transition = &transitions[controller->state][event];

	set_state(controller, transition->next);
	return transition->actions;
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_controller_event);

/**
 * vha_can_controller_reset() - the device is reset
 * @controller: the controller
 */
void vha_can_controller_reset(struct vha_can_controller *controller)
{
	if (controller->session)
		controller->resume = controller->state;
	controller->session = false;
	vha_can_controller_event(controller, VHA_CAN_RESET);
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_controller_reset);

/**
 * vha_can_controller_resume() - a queue is about to start
 * @controller: the controller
 * @control: it is the control queue
 * @fresh: no ring of the device goes on where it stood
 *
 * Return: whether the state was changed.
 */
bool vha_can_controller_resume(struct vha_can_controller *controller, bool control, bool fresh)
{
	bool resumed = false;

	if (!controller->session && !fresh && controller->state != controller->resume) {
		set_state(controller, controller->resume);
		resumed = true;
	}
	/* Once per session: what the driver asks for from here on counts. */
	if (!fresh || control)
		controller->session = true;
	return resumed;
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_controller_resume);

/**
 * vha_can_controller_status() - status as configuration space has it
 * @controller: the controller
 */
u16 vha_can_controller_status(const struct vha_can_controller *controller)
{
	return READ_ONCE(controller->state) == VHA_CAN_BUS_OFF ? VIRTIO_CAN_S_CTRL_BUSOFF : 0;
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_controller_status);
